/**
 * SIPMsg, the object a script's method gets: the members of the OpenSIPS module's msg under their own names, and
 * the ones beyond it. Getters parse lazily from the message text; rewrite methods append to the edit list. The
 * checks come in the module's order: stale object, then wrong message type, then wrong arguments; whatever throws
 * has changed nothing.
 */
import { checkURI, type SIPMessage, SIPMessageError } from '@siplet/sipmsg'
import type { SIPMsg as Contract } from '../../script.ts'
import type { FunctionCall, FunctionReply } from '../../wire/function-call.ts'
import { ROUTES, type Route } from '../../wire/request.ts'
import { readPseudoVariable, writePseudoVariable } from './pseudo-variables.ts'
import type { ScriptRealm } from './script-realm.ts'

/** What all copies of one exec's message share. */
export interface ExecState {
  /** False as soon as the exec ended: the message and its copies are stale then. */
  live: boolean
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
  realm: Pick<ScriptRealm, 'error' | 'tuple' | 'list'>
  /** In one exec. */
  maxFunctionCalls: number
  /** Runs a function of the embedder; blocks until it answered. */
  callFunction(call: FunctionCall): FunctionReply
}

const MAX_FUNCTION_ARGUMENTS = 8

let host: SIPMsgHost

/** Must be called once, before the first SIPMsg is made. */
export function useSIPMsgHost(given: SIPMsgHost): void {
  host = given
}

export class SIPMsg implements Contract {
  readonly #exec: ExecState
  readonly #message: SIPMessage
  #dstUri: string | null

  constructor(exec: ExecState, message: SIPMessage, dstUri: string | null) {
    this.#exec = exec
    this.#message = message
    this.#dstUri = dstUri
  }

  get Type(): 'SIP_REQUEST' | 'SIP_REPLY' {
    return this.#live('Type').type
  }
  get Method(): string {
    return detach(this.#request('Method').method!)
  }
  get Status(): string {
    return detach(String(this.#reply('Status').status))
  }
  get Reason(): string {
    return detach(this.#reply('Reason').reason ?? '')
  }
  get RURI(): string {
    return detach(this.#request('RURI').ruri!)
  }
  get originalRURI(): string {
    return detach(this.#request('originalRURI').originalRURI!)
  }
  get Route(): Route {
    this.#live('Route')
    return ROUTES[this.#exec.route]!
  }
  get src_address(): readonly [string, number] {
    this.#live('src_address')
    return host.realm.tuple(detach(this.#exec.srcIp), this.#exec.srcPort)
  }
  get dst_address(): readonly [string, number] {
    this.#live('dst_address')
    return host.realm.tuple(detach(this.#exec.dstIp), this.#exec.dstPort)
  }
  get dst_uri(): string | null {
    this.#live('dst_uri')
    return this.#dstUri
  }
  get CallID(): string | null {
    return detachNullable(this.#live('CallID').callId)
  }
  get CSeq(): string | null {
    return detachNullable(this.#live('CSeq').cseq)
  }
  get CSeqMethod(): string | null {
    return detachNullable(this.#live('CSeqMethod').cseqMethod)
  }
  get FromURI(): string | null {
    return detachNullable(this.#live('FromURI').fromURI)
  }
  get FromTag(): string | null {
    return detachNullable(this.#live('FromTag').fromTag)
  }
  get ToURI(): string | null {
    return detachNullable(this.#live('ToURI').toURI)
  }
  get ToTag(): string | null {
    return detachNullable(this.#live('ToTag').toTag)
  }
  get body(): string {
    return detach(this.#live('body').body)
  }
  get raw(): string {
    return detach(this.#live('raw').text)
  }

  copy(): SIPMsg {
    const message = this.#live('copy()')
    return new SIPMsg(this.#exec, message.clone(), this.#dstUri)
  }

  rewrite_ruri(...args: unknown[]): void {
    const message = this.#request('rewrite_ruri()')
    const [uri] = strings('rewrite_ruri', ['uri'], args)
    guarded(() => message.rewriteRURI(uri!))
  }

  set_dst_uri(...args: unknown[]): void {
    this.#request('set_dst_uri()')
    const [uri] = strings('set_dst_uri', ['uri'], args)
    if (uri === '') this.#dstUri = null
    else {
      guarded(() => checkURI(uri!))
      this.#dstUri = uri!
    }
  }

  getHeader(...args: unknown[]): string | null {
    const message = this.#live('getHeader()')
    const [name] = strings('getHeader', ['name'], args)
    return detachNullable(message.getHeader(name!))
  }

  getHeaderBytes(...args: unknown[]): string | null {
    const message = this.#live('getHeaderBytes()')
    const [name] = strings('getHeaderBytes', ['name'], args)
    return detachNullable(message.getHeaderBytes(name!))
  }

  getHeaders(...args: unknown[]): string[] {
    const message = this.#live('getHeaders()')
    const [name] = strings('getHeaders', ['name'], args)
    return host.realm.list(message.getHeaders(name!).map(detach))
  }

  headerNames(): string[] {
    return host.realm.list(this.#live('headerNames()').headerNames().map(detach))
  }

  setHeader(...args: unknown[]): void {
    const message = this.#live('setHeader()')
    const [name, value] = strings('setHeader', ['name', 'value'], args)
    guarded(() => message.setHeader(name!, value!))
  }

  appendHeader(...args: unknown[]): void {
    const message = this.#live('appendHeader()')
    const [name, value] = strings('appendHeader', ['name', 'value'], args)
    guarded(() => message.appendHeader(name!, value!))
  }

  removeHeader(...args: unknown[]): number {
    const message = this.#live('removeHeader()')
    const [name] = strings('removeHeader', ['name'], args)
    return guarded(() => message.removeHeader(name!))
  }

  setBody(...args: unknown[]): void {
    const message = this.#live('setBody()')
    const [text, contentType] = strings('setBody', ['text', 'contentType'], args)
    guarded(() => message.setBody(text!, contentType!))
  }

  call_function(...args: unknown[]): number {
    const message = this.#live('call_function()')
    if (args.length < 1 || args.length > MAX_FUNCTION_ARGUMENTS + 1) {
      throw host.realm.error(
        'ERR_SIPLET_ARGUMENTS',
        `call_function() should have from 1 to ${MAX_FUNCTION_ARGUMENTS + 1} arguments, not ${args.length}`,
      )
    }
    const name = args[0]
    if (typeof name !== 'string') throw wrongType('call_function', 'name', 'a string', name)
    const values: (string | number)[] = []
    for (let i = 1; i < args.length; i++) {
      const value = args[i]
      if (typeof value !== 'string' && !(typeof value === 'number' && Number.isFinite(value))) {
        throw wrongType('call_function', `argument ${i} of ${name}`, 'a string or a finite number', value)
      }
      values.push(value)
    }
    if (++this.#exec.calls > host.maxFunctionCalls) {
      throw host.realm.error(
        'ERR_SIPLET_CALL_FUNCTION_LIMIT',
        `call_function(): more than limits.maxFunctionCalls (${host.maxFunctionCalls}) calls in one exec`,
      )
    }
    const reply = host.callFunction({
      index: this.#exec.index,
      name,
      args: values,
      dstUri: this.#dstUri,
      splices: message.splices,
    })
    if ('error' in reply) throw host.realm.error(reply.error, reply.message)
    message.restoreSplices(reply.splices)
    this.#dstUri = reply.dstUri
    return reply.code
  }

  get_pseudoVar(...args: unknown[]): string | null {
    const message = this.#live('get_pseudoVar()')
    const [name] = strings('get_pseudoVar', ['name'], args)
    return guarded(() => detachNullable(readPseudoVariable(name!, message, this.#exec, this.#dstUri)))
  }

  set_pseudoVar(...args: unknown[]): void {
    const message = this.#live('set_pseudoVar()')
    const [name, value] = strings('set_pseudoVar', ['name', 'value'], args)
    guarded(() => writePseudoVariable(name!, value!, message, (uri) => this.set_dst_uri(uri)))
  }

  /** What the engine sends back of the message. */
  static result(msg: SIPMsg): { message: SIPMessage; dstUri: string | null } {
    return { message: msg.#message, dstUri: msg.#dstUri }
  }

  #live(member: string): SIPMessage {
    if (!this.#exec.live) {
      throw host.realm.error(
        'ERR_SIPLET_STALE_MESSAGE',
        `${member}: the message is no longer there, its exec has ended; keep what you read of it, not the message`,
      )
    }
    return this.#message
  }

  #request(member: string): SIPMessage {
    const message = this.#live(member)
    if (!message.isRequest) {
      throw host.realm.error(
        'ERR_SIPLET_NOT_A_REQUEST',
        `${member} is for requests only, this message is a SIP_REPLY (${message.status}); test msg.Type first`,
      )
    }
    return message
  }

  #reply(member: string): SIPMessage {
    const message = this.#live(member)
    if (message.isRequest) {
      throw host.realm.error(
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

function strings(member: string, names: readonly string[], args: readonly unknown[]): string[] {
  if (args.length !== names.length) {
    throw host.realm.error(
      'ERR_SIPLET_ARGUMENTS',
      `${member}(${names.join(', ')}) takes ${names.length} argument${names.length === 1 ? '' : 's'}, not ${args.length}`,
    )
  }
  for (let i = 0; i < names.length; i++) {
    if (typeof args[i] !== 'string') throw wrongType(member, names[i]!, 'a string', args[i])
  }
  return args as string[]
}

function wrongType(member: string, argument: string, expected: string, value: unknown): Error {
  const type = value === null ? 'null' : Array.isArray(value) ? 'an array' : typeof value
  return host.realm.error('ERR_SIPLET_ARGUMENTS', `${member}(): ${argument} must be ${expected}, not ${type}`)
}

/** Errors of sipmsg are of the prelude's realm; a script gets them as its own. */
function guarded<T>(act: () => T): T {
  try {
    return act()
  } catch (error) {
    if (error instanceof SIPMessageError) throw host.realm.error(error.code, error.message)
    throw error
  }
}

// A script must not get at the class: `result` would hand it the bare message, whose edits nobody checks.
Reflect.deleteProperty(SIPMsg.prototype, 'constructor')

/** Assigning to a getter is silent in sloppy scripts; here it is an error that names the way to do it. */
const WAYS: Record<string, string> = {
  RURI: 'rewrite_ruri(uri)',
  dst_uri: 'set_dst_uri(uri)',
  body: 'setBody(text, contentType)',
}
for (const [name, descriptor] of Object.entries(Object.getOwnPropertyDescriptors(SIPMsg.prototype))) {
  if (descriptor.get === undefined) continue
  const way = WAYS[name]
  Object.defineProperty(SIPMsg.prototype, name, {
    ...descriptor,
    set() {
      throw host.realm.error('ERR_SIPLET_READ_ONLY', `${name} cannot be assigned${way ? `: use ${way}` : ''}`)
    },
  })
}
