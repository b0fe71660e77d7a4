/**
 * The message of an exec: the object that implements the SIPMsg of a script. It has the members of `msg` in the
 * OpenSIPS module, with the same names, and additional ones. Getters parse lazily from the text of the message;
 * rewrite methods add splices. A call that throws has changed nothing. No script ever holds this object
 * (message-members.ts).
 */
import { checkURI, type SIPMessage } from '@siplet/sipmsg'
import type { FunctionCall, FunctionReply } from '../../wire/function-call.ts'
import { ROUTES, type Route } from '../../wire/request.ts'
import type { ExecState } from './exec-state.ts'
import { readPseudoVariable, writePseudoVariable } from './pseudo-variables.ts'

/** What a SIPMsg needs from the batch runner. */
export interface SIPMsgHost {
  /** Maximum number of calls of call_function in one exec. */
  maxFunctionCalls: number
  /** Runs a function of the embedder. Blocks until the function has answered. */
  callFunction(call: FunctionCall): FunctionReply
}

/** An error of a member of SIPMsg, before it is passed to the script. */
export class MemberError extends Error {
  readonly code: string

  constructor(code: string, message: string) {
    super(message)
    this.code = code
  }
}

let host: SIPMsgHost

/** Sets the host. Must be called once, before the first SIPMsg is created. */
export function useSIPMsgHost(given: SIPMsgHost): void {
  host = given
}

/** Members throw MemberError or SIPMessageError. message-members.ts has already checked their arguments. */
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

  /** Returns the parts of the message that the engine sends back. */
  static result(msg: SIPMsg): { message: SIPMessage; dstUri: string | null } {
    return { message: msg.#message, dstUri: msg.#dstUri }
  }

  /** Returns the message if it is a request. */
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
 * Returns a copy of a text that keeps no other text alive. V8 represents long substrings as views of their parent:
 * without the copy, a caller id that a script stores would keep the text of a whole batch alive.
 */
function detach(text: string): string {
  return text.length < SHORTEST_VIEW ? text : ` ${text}`.slice(1)
}
const SHORTEST_VIEW = 13

function detachNullable(text: string | null): string | null {
  return text === null ? null : detach(text)
}
