/** The script's side of an isolate for JavaScript: its init functions, and the object whose methods are called. */
import { encodeUtf8 } from '@siplet/sipmsg'
import type { VerdictError } from '../../wire/verdict.ts'
import { listeningTo } from './batch-runner.ts'
import {
  failure,
  type InitResult,
  LIMIT_ERRORS,
  MAX_MESSAGE_LENGTH,
  MAX_STACK_LENGTH,
  refusal,
  SUCCESS,
} from './outcome.ts'
import type { SIPMsg } from './sipmsg-proxy.ts'

const INT32 = 2 ** 31
/** V8's words. */
const STACK_OVERFLOW = 'Maximum call stack size exceeded'

let handler: Record<string, unknown>

export function initModule(name: string, modInit: unknown): InitResult {
  return initialised(() => {
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
  })
}

export function initChild(name: string, rank: number): InitResult {
  return initialised(() => {
    const method = handler[name]
    if (typeof method !== 'function') {
      return failure(
        `the object of mod_init has no method ${name}: add one that returns 0, or name another with childInitMethod (--child-init)`,
      )
    }
    const result: unknown = Reflect.apply(method, handler, [rank])
    const code = typeof result === 'boolean' ? Number(result) : result
    if (typeof code !== 'number' || !Number.isInteger(code)) {
      return failure(
        `${name}(${rank}) must return an integer >= 0, not ${shownType(result)}; end it with: return 0`,
      )
    }
    if (code < 0) return failure(`${name}(${rank}) returned ${code}: a negative value refuses the start`)
    return SUCCESS
  })
}

/** Names of the methods that exec can call, those of classes it extends included, in order of definition. */
export function methods(): string[] {
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
}

/** Those of them that answer with a promise or an iterator, never with an integer. */
export function asyncMethods(): string[] {
  return methods().filter((name) => {
    const kind = Object.prototype.toString.call(handler[name])
    return kind !== '[object Function]' && kind.endsWith('Function]')
  })
}

/** See CallMethod of batch-runner.ts. */
export function callMethod(name: string, msg: SIPMsg, extra: string | null): number | VerdictError {
  try {
    const method = handler[name]
    if (typeof method !== 'function') {
      return refusal('ERR_SIPLET_METHOD_NOT_FOUND', `the object of mod_init has no method ${name}`)
    }
    const result: unknown = Reflect.apply(method, handler, extra === null ? [msg] : [msg, extra])
    const code = typeof result === 'boolean' ? Number(result) : result
    if (typeof code === 'number' && Number.isInteger(code) && code >= -INT32 && code < INT32) return code
    return refusal(
      'ERR_SIPLET_RETURN_TYPE',
      `${name}() must return a 32-bit integer, not ${shownType(result)}`,
    )
  } catch (thrown) {
    const { code, message, stack } = described(thrown)
    return { code, message: encodeUtf8(message), stack: encodeUtf8(stack) }
  }
}

function initialised(init: () => InitResult): InitResult {
  try {
    return listeningTo(init)
  } catch (error) {
    const { message, stack } = described(error)
    return failure(message, stack)
  }
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
