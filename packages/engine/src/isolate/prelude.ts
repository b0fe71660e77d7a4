/**
 * What runs inside an isolate beside the script: bundled into one text by bundle.ts, evaluated in a context of its
 * own before the script is. Nothing of it is a global there: isolate/child.ts holds the only way in.
 */
import { decodeUtf8, encodeUtf8, SIPMessage } from '@siplet/sipmsg'
import type { FunctionReply } from '../wire/function-call.ts'
import { RequestReader } from '../wire/request.ts'
import { type LogLevel, type VerdictError, VerdictWriter } from '../wire/verdict.ts'
import { harden } from './harden.ts'
import { defineOpenSIPSModule } from './opensips-module.ts'
import type { ScriptRealm } from './script-realm.ts'
import { type ExecState, SIPMsg, useSIPMsgHost } from './sipmsg-proxy.ts'

/** The ways out for call_function. Both take a FunctionCall as JSON and return a FunctionReply as JSON. */
export interface FunctionGates {
  /** Runs the function on the thread the isolate runs on. */
  direct(call: string): string
  /** isolated-vm's Reference: blocks the isolate's own thread until the engine's thread has answered. */
  waiting: { applySyncPromise(receiver: undefined, args: [string]): string }
}

/** How mod_init and child_init went, as plain data: it crosses to the engine. */
export interface InitResult {
  ok: boolean
  message: string
  stack: string
}

const MAX_STACK_LENGTH = 8_192
const MAX_MESSAGE_LENGTH = 2_048
const INT32 = 2 ** 31
/** V8's words. */
const STACK_OVERFLOW = 'Maximum call stack size exceeded'
/** Errors of members of SIPMsg that are the exec's own, where the script does not catch them. */
const LIMIT_ERRORS = ['ERR_SIPLET_CALL_FUNCTION_LIMIT'] as const

const now = Date.now
const requests = new RequestReader()
let output: VerdictWriter
let sliceMs: number
/** Log lines are taken while something of the script runs on the engine's behalf. */
let listening = false
let handler: Record<string, unknown>

/** A gate never throws, except where the thread behind it was ended. The exec that noticed must not be answered. */
let hostGone = false

/** The gate of the batch under way. */
let callFunction: (call: string) => string
let gates: FunctionGates

export const prelude = {
  /**
   * @param area what verdicts are written to
   * @param slice a batch ends early once it ran this long, so that each message has its own time: milliseconds
   * @param direct see {@link FunctionGates}
   * @param waiting see {@link FunctionGates}
   */
  setup(
    area: SharedArrayBuffer,
    maxResultBytes: number,
    slice: number,
    maxFunctionCalls: number,
    realm: ScriptRealm,
    direct: FunctionGates['direct'],
    waiting: FunctionGates['waiting'],
  ): void {
    output = new VerdictWriter(area, maxResultBytes)
    sliceMs = slice
    gates = { direct, waiting }
    useSIPMsgHost({
      realm,
      maxFunctionCalls,
      callFunction(call) {
        try {
          return JSON.parse(callFunction(JSON.stringify(call))) as FunctionReply
        } catch {
          hostGone = true
          return {
            error: 'ERR_SIPLET_CHILD_LOST',
            message: 'call_function(): nobody is there to answer any more',
          }
        }
      },
    })
    defineOpenSIPSModule(realm, writeLog)
    realm.entrances = realm.enter(prelude)
    harden(SIPMsg.prototype)
  },

  /** Log lines of the top level, of mod_init and of child_init go where those of an exec go. */
  listen(): void {
    output.start()
    output.begin()
    listening = true
  },

  initModule(name: string, modInit: unknown): InitResult {
    listening = true
    try {
      if (typeof modInit !== 'function') {
        return failure(
          `${name} is ${modInit === undefined ? 'not defined, or not exported' : `a ${typeof modInit}`}; it must be a function of the script`,
        )
      }
      const object: unknown = modInit()
      if ((typeof object !== 'object' && typeof object !== 'function') || object === null) {
        return failure(
          `${name}() must return the object whose methods handle messages, not ${shownType(object)}`,
        )
      }
      if (isThenable(object)) return failure(`${name}() returned a promise; it must return the object itself`)
      handler = object as Record<string, unknown>
      return SUCCESS
    } catch (error) {
      return { ok: false, ...described(error) }
    } finally {
      listening = false
    }
  },

  initChild(name: string, rank: number): InitResult {
    listening = true
    try {
      const method = handler[name]
      if (typeof method !== 'function') return failure(`the object of mod_init has no method ${name}`)
      const result: unknown = Reflect.apply(method, handler, [rank])
      const code = typeof result === 'boolean' ? Number(result) : result
      if (typeof code !== 'number' || !Number.isInteger(code)) {
        return failure(
          `${name}(${rank}) must return an integer >= 0, not ${shownType(result)}; end it with: return 0`,
        )
      }
      if (code < 0) return failure(`${name}(${rank}) returned ${code}: a negative value refuses the start`)
      return SUCCESS
    } catch (error) {
      return { ok: false, ...described(error) }
    } finally {
      listening = false
    }
  },

  /** Names of the methods that exec can call, those of classes it extends included, in order of definition. */
  methods(): string[] {
    const names = new Set<string>()
    for (let object: object | null = handler; object !== null; object = Object.getPrototypeOf(object)) {
      const parent: object | null = Object.getPrototypeOf(object)
      // Object.prototype; but the handler itself may have no prototype.
      if (parent === null && object !== handler) break
      for (const name of Object.getOwnPropertyNames(object)) {
        const value = Reflect.getOwnPropertyDescriptor(object, name)?.value
        if (name !== 'constructor' && typeof value === 'function') names.add(name)
      }
    }
    return [...names]
  },

  /** Those of them that answer with a promise or an iterator, never with an integer. */
  asyncMethods(): string[] {
    return prelude.methods().filter((name) => {
      const kind = Object.prototype.toString.call(handler[name])
      return kind !== '[object Function]' && kind.endsWith('Function]')
    })
  },

  /**
   * Runs a batch; its verdicts stand in the area. Ends early where the time slice or the area is used up.
   *
   * @param wait whether call_function goes through the waiting gate: the isolate is on a thread of its own then
   */
  run(wait: boolean, ...pieces: string[]): void {
    callFunction = wait ? (call) => gates.waiting.applySyncPromise(undefined, [call]) : gates.direct
    output.start()
    requests.start(pieces.length === 1 ? pieces[0]! : joined(pieces))
    const end = now() + sliceMs
    for (let index = 0; !requests.done; index++) {
      runNext(index)
      if (!output.roomForNext || now() >= end) break
    }
  },
}

function joined(pieces: readonly string[]): string {
  let text = ''
  for (let i = 0; i < pieces.length; i++) text += pieces[i]
  return text
}

function runNext(index: number): void {
  const request = requests.next()
  const exec: ExecState = {
    live: true,
    calls: 0,
    index,
    route: request.route,
    srcIp: request.srcIp,
    srcPort: request.srcPort,
    dstIp: request.dstIp,
    dstPort: request.dstPort,
  }
  const msg = new SIPMsg(exec, new SIPMessage(request.message), null)
  output.begin()
  listening = true
  let code = -1
  let error: VerdictError | null = null
  try {
    const name = decodeUtf8(request.method)
    const method = handler[name]
    if (typeof method !== 'function') {
      error = refusal('ERR_SIPLET_METHOD_NOT_FOUND', `the object of mod_init has no method ${name}`)
    } else {
      const args = request.extra === null ? [msg] : [msg, decodeUtf8(request.extra)]
      const result: unknown = Reflect.apply(method, handler, args)
      const value = typeof result === 'boolean' ? Number(result) : result
      if (typeof value === 'number' && Number.isInteger(value) && value >= -INT32 && value < INT32)
        code = value
      else {
        error = refusal(
          'ERR_SIPLET_RETURN_TYPE',
          `${name}() must return a 32-bit integer, not ${shownType(result)}`,
        )
      }
    }
  } catch (thrown) {
    const { code, message, stack } = described(thrown)
    error = { code, message: encodeUtf8(message), stack: encodeUtf8(stack) }
  }
  exec.live = false
  listening = false
  if (hostGone) throw new Error('the host is gone')
  const { message, dstUri } = SIPMsg.result(msg)
  if (!output.verdict(code, dstUri === null ? null : encodeUtf8(dstUri), message.splices, error)) {
    const text = `${decodeUtf8(request.method)}() made edits or an error larger than limits.maxResultBytes`
    output.verdict(-1, null, [], refusal('ERR_SIPLET_RESULT_TOO_LARGE', text))
  }
}

function refusal(code: VerdictError['code'], message: string): VerdictError {
  return { code, message: encodeUtf8(message), stack: '' }
}

function writeLog(level: LogLevel, text: string): void {
  if (listening) output.log(level, encodeUtf8(text))
}

const SUCCESS: InitResult = { ok: true, message: '', stack: '' }

function failure(message: string): InitResult {
  return { ok: false, message, stack: '' }
}

/** Whatever was thrown, as text. The value is the script's: it may be a Proxy, have getters that throw, or be null. */
function described(thrown: unknown): { code: VerdictError['code']; message: string; stack: string } {
  const anyError = 'ERR_SIPLET_SCRIPT'
  try {
    if ((typeof thrown !== 'object' && typeof thrown !== 'function') || thrown === null) {
      const message = `the script threw ${shown(thrown)}`.slice(0, MAX_MESSAGE_LENGTH)
      return { code: anyError, message, stack: '' }
    }
    const { stack, message, name, code } = thrown as Record<string, unknown>
    const text = typeof message === 'string' ? message : 'the script threw an object without a message'
    const limit = LIMIT_ERRORS.find((known) => known === code)
    return {
      code: limit ?? (name === 'RangeError' && text === STACK_OVERFLOW ? 'ERR_SIPLET_STACK' : anyError),
      message: `${typeof name === 'string' ? `${name}: ` : ''}${text}`.slice(0, MAX_MESSAGE_LENGTH),
      stack: typeof stack === 'string' ? stack.slice(0, MAX_STACK_LENGTH) : '',
    }
  } catch {
    return { code: anyError, message: 'the script threw a value that cannot be read', stack: '' }
  }
}

function shownType(value: unknown): string {
  if (value === null || value === undefined) return String(value)
  if (typeof value === 'number') return `the number ${value}`
  if (typeof value === 'string') return 'a string'
  if (typeof value === 'object' && isThenable(value)) return 'a promise (methods must be synchronous)'
  return Array.isArray(value) ? 'an array' : typeof value === 'object' ? 'an object' : `a ${typeof value}`
}

function shown(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value) : String(value)
}

function isThenable(value: object): boolean {
  try {
    return typeof (value as { then?: unknown }).then === 'function'
  } catch {
    return false
  }
}
