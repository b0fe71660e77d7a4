/**
 * The message of an exec behind the SIPMsg that a script sees: the members of the OpenSIPS module's msg under their own
 * names, and the ones beyond it. Getters parse lazily from the message text; rewrite methods append to the edit list.
 * Whatever throws has changed nothing. No script ever holds such an object: see message-members.ts.
 */
import { checkURI, type SIPMessage } from '@siplet/sipmsg'
import type { FunctionCall, FunctionReply } from '../../wire/function-call.ts'
import { ROUTES, type Route } from '../../wire/request.ts'
import { readPseudoVariable, writePseudoVariable } from './pseudo-variables.ts'

/** What all copies of one exec's message share. */
export interface ExecState {
  /** Calls of call_function so far. */
  calls: number
  /** Place of the exec in its batch. */
  index: number
  route: number
  srcIp: string
  srcPort: number
  dstIp: string
  dstPort: number
}

/** What a SIPMsg needs of its surroundings. */
export interface SIPMsgHost {
  /** In one exec. */
  maxFunctionCalls: number
  /** Runs a function of the embedder; blocks until it answered. */
  callFunction(call: FunctionCall): FunctionReply
}

/** An error of a member of SIPMsg, on its way to the script. */
export class MemberError extends Error {
  readonly code: string

  constructor(code: string, message: string) {
    super(message)
    this.code = code
  }
}

let host: SIPMsgHost

/** Must be called once, before the first SIPMsg is made. */
export function useSIPMsgHost(given: SIPMsgHost): void {
  host = given
}

/** Members throw MemberError or SIPMessageError. Their arguments are checked already: message-members.ts. */
export class SIPMsg {
  readonly #exec: ExecState
  readonly #message: SIPMessage
  #dstUri: string | null

  constructor(exec: ExecState, message: SIPMessage, dstUri: string | null) {
    this.#exec = exec
    this.#message = message
    this.#dstUri = dstUri
  }

  get Type(): 'SIP_REQUEST' | 'SIP_REPLY' {
    return this.#message.type
  }
  get Method(): string {
    return detach(this.requireRequest('Method').method!)
  }
  get Status(): string {
    return detach(String(this.#requireReply('Status').status))
  }
  get Reason(): string {
    return detach(this.#requireReply('Reason').reason ?? '')
  }
  get RURI(): string {
    return detach(this.requireRequest('RURI').ruri!)
  }
  get originalRURI(): string {
    return detach(this.requireRequest('originalRURI').originalRURI!)
  }
  get Route(): Route {
    return ROUTES[this.#exec.route]!
  }
  get src_address(): readonly [string, number] {
    return [detach(this.#exec.srcIp), this.#exec.srcPort]
  }
  get dst_address(): readonly [string, number] {
    return [detach(this.#exec.dstIp), this.#exec.dstPort]
  }
  get dst_uri(): string | null {
    return this.#dstUri
  }
  get CallID(): string | null {
    return detachNullable(this.#message.callId)
  }
  get CSeq(): string | null {
    return detachNullable(this.#message.cseq)
  }
  get CSeqMethod(): string | null {
    return detachNullable(this.#message.cseqMethod)
  }
  get FromURI(): string | null {
    return detachNullable(this.#message.fromURI)
  }
  get FromTag(): string | null {
    return detachNullable(this.#message.fromTag)
  }
  get ToURI(): string | null {
    return detachNullable(this.#message.toURI)
  }
  get ToTag(): string | null {
    return detachNullable(this.#message.toTag)
  }
  get body(): string {
    return detach(this.#message.body)
  }
  get raw(): string {
    return detach(this.#message.text)
  }

  copy(): SIPMsg {
    return new SIPMsg(this.#exec, this.#message.clone(), this.#dstUri)
  }

  rewrite_ruri(uri: string): void {
    this.requireRequest('rewrite_ruri()').rewriteRURI(uri)
  }

  set_dst_uri(uri: string): void {
    this.requireRequest('set_dst_uri()')
    if (uri !== '') checkURI(uri)
    this.#dstUri = uri === '' ? null : uri
  }

  getHeader(name: string): string | null {
    return detachNullable(this.#message.getHeader(name))
  }

  getHeaderBytes(name: string): string | null {
    return detachNullable(this.#message.getHeaderBytes(name))
  }

  getHeaders(name: string): string[] {
    return this.#message.getHeaders(name).map(detach)
  }

  headerNames(): string[] {
    return this.#message.headerNames().map(detach)
  }

  setHeader(name: string, value: string): void {
    this.#message.setHeader(name, value)
  }

  appendHeader(name: string, value: string): void {
    this.#message.appendHeader(name, value)
  }

  removeHeader(name: string): number {
    return this.#message.removeHeader(name)
  }

  setBody(text: string, contentType: string): void {
    this.#message.setBody(text, contentType)
  }

  call_function(name: string, args: (string | number)[]): number {
    if (++this.#exec.calls > host.maxFunctionCalls) {
      throw new MemberError(
        'ERR_SIPLET_CALL_FUNCTION_LIMIT',
        `call_function(): more than limits.maxFunctionCalls (${host.maxFunctionCalls}) calls in one exec`,
      )
    }
    const reply = host.callFunction({
      index: this.#exec.index,
      name,
      args,
      dstUri: this.#dstUri,
      splices: this.#message.splices,
    })
    if ('error' in reply) throw new MemberError(reply.error, reply.message)
    this.#message.restoreSplices(reply.splices)
    this.#dstUri = reply.dstUri
    return reply.code
  }

  get_pseudoVar(name: string): string | null {
    return detachNullable(readPseudoVariable(name, this.#message, this.#exec, this.#dstUri))
  }

  set_pseudoVar(name: string, value: string): void {
    writePseudoVariable(name, value, this.#message, (uri) => this.set_dst_uri(uri))
  }

  /** What the engine sends back of the message. */
  static result(msg: SIPMsg): { message: SIPMessage; dstUri: string | null } {
    return { message: msg.#message, dstUri: msg.#dstUri }
  }

  /** The message, where it is a request. */
  requireRequest(member: string): SIPMessage {
    const message = this.#message
    if (!message.isRequest) {
      throw new MemberError(
        'ERR_SIPLET_NOT_A_REQUEST',
        `${member} is for requests only, this message is a SIP_REPLY (${message.status}); test msg.Type first`,
      )
    }
    return message
  }

  #requireReply(member: string): SIPMessage {
    const message = this.#message
    if (message.isRequest) {
      throw new MemberError(
        'ERR_SIPLET_NOT_A_REPLY',
        `${member} is for replies only, this message is a SIP_REQUEST (${message.method}); test msg.Type first`,
      )
    }
    return message
  }
}

/**
 * A copy that keeps nothing else alive. V8 represents long substrings as views of their parent: a caller id kept
 * on `this` would keep the text of a whole batch.
 */
function detach(text: string): string {
  return text.length < SHORTEST_VIEW ? text : ` ${text}`.slice(1)
}
const SHORTEST_VIEW = 13

function detachNullable(text: string | null): string | null {
  return text === null ? null : detach(text)
}
