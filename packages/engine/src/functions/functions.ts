/**
 * call_function, host side: finds the function, gives it the message as edited so far, answers with what it did. The
 * embedder is trusted, its mistakes are not fatal: whatever a function throws, returns or leaves in the message is the
 * error of that call and nothing else.
 */
import { checkURI } from '@siplet/sipmsg'
import type { PendingExec } from '../dispatch/pending-exec.ts'
import type { ErrorCode } from '../errors.ts'
import { thrownText } from '../shown.ts'
import type { FunctionCall, FunctionReply } from '../wire/function-call.ts'
import { checkedSplices } from '../wire/function-call-reader.ts'
import { type EmbedderFunction, FunctionMessage } from './function-message.ts'
import type { Nesting } from './nesting.ts'
import { timedOut } from './timed-out.ts'

/** Of a name that is none of a function, in messages: characters. */
const MAX_SHOWN_NAME = 100

export class Functions {
  readonly #table: Record<string, EmbedderFunction>
  readonly #timeoutMs: number
  readonly #nesting: Nesting

  constructor(table: Record<string, EmbedderFunction>, timeoutMs: number, nesting: Nesting) {
    this.#table = table
    this.#timeoutMs = timeoutMs
    this.#nesting = nesting
  }

  get isEmpty(): boolean {
    return Object.keys(this.#table).length === 0
  }

  /** Answers at once; a function that returns a promise is an error, since nobody can wait for it. Never throws. */
  callSync(rank: number, exec: PendingExec, call: FunctionCall): FunctionReply {
    const hold = this.#nesting.hold(rank)
    try {
      const message = messageOf(exec, call)
      const target = this.#target(call.name)
      const result: unknown = hold.run(() => target(message, ...call.args))
      if (!isObject(result) || !isThenable(result)) return reply(call, exec, message, result)
      // Its rejection is nobody's.
      settled(result).catch(() => {})
      return {
        error: 'ERR_SIPLET_ASYNC_FUNCTION',
        message: `${call.name}() answers with a promise; execSync cannot wait: use exec`,
      }
    } catch (thrown) {
      return failed(call, thrown)
    } finally {
      hold.release()
    }
  }

  /** Waits for the function, at most callFunctionTimeoutMs. Never rejects. */
  async call(rank: number, exec: PendingExec, call: FunctionCall): Promise<FunctionReply> {
    const hold = this.#nesting.hold(rank)
    try {
      const message = messageOf(exec, call)
      const target = this.#target(call.name)
      let result: unknown = hold.run(() => {
        const answer: unknown = target(message, ...call.args)
        return isObject(answer) ? settled(answer) : answer
      })
      if (result instanceof Promise) result = await this.#inTime(result, call.name)
      return reply(call, exec, message, result)
    } catch (thrown) {
      return failed(call, thrown)
    } finally {
      hold.release()
    }
  }

  #target(name: string): EmbedderFunction {
    const target = Object.hasOwn(this.#table, name) ? this.#table[name] : undefined
    if (target !== undefined) return target
    const names = Object.keys(this.#table)
    throw new Refusal(
      'ERR_SIPLET_NO_SUCH_FUNCTION',
      `call_function(): no such function ${name.slice(0, MAX_SHOWN_NAME)}; there ${names.length === 0 ? 'are none' : `are ${names.join(', ')}`}`,
    )
  }

  #inTime(answer: Promise<unknown>, name: string): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const { error, message } = timedOut(name, this.#timeoutMs)
      const timer = setTimeout(() => reject(new Refusal(error, message)), this.#timeoutMs)
      answer.then(resolve, reject).finally(() => clearTimeout(timer))
    })
  }
}

/** The reply of a call that is refused. Thrown and caught here. */
class Refusal {
  readonly #brand = true
  readonly error: ErrorCode
  readonly message: string

  /** Unlike instanceof, this asks nothing of a value that may be a Proxy. */
  static is(value: unknown): value is Refusal {
    return isObject(value) && #brand in value
  }

  constructor(error: ErrorCode, message: string) {
    this.error = error
    this.message = message
  }
}

function messageOf(exec: PendingExec, { dstUri, splices }: FunctionCall): FunctionMessage {
  const message = new FunctionMessage(exec, dstUri)
  message.restoreSplices(splices)
  return message
}

function isObject(value: unknown): value is object {
  return (typeof value === 'object' && value !== null) || typeof value === 'function'
}

function isThenable(value: object): boolean {
  return typeof Reflect.get(value, 'then') === 'function'
}

/**
 * A promise of what the value comes to: of itself, or, if it is a thenable of whatever make, of what that answers first.
 * https://tc39.es/ecma262/#sec-promise-resolve-functions calls `then` once and turns what it throws into a rejection.
 */
function settled(value: object): Promise<unknown> {
  return new Promise((resolve) => {
    resolve(value)
  })
}

/** @throws whatever the message does that the function left, or a Refusal */
function reply(
  { name, dstUri }: FunctionCall,
  exec: PendingExec,
  message: FunctionMessage,
  result: unknown,
): FunctionReply {
  const code = typeof result === 'boolean' ? Number(result) : result
  if (typeof code !== 'number' || (code | 0) !== code) {
    const text = `${name}() must return a 32-bit integer, not ${thrownText(result)}`
    throw new Refusal('ERR_SIPLET_CALL_FUNCTION', text)
  }
  const splices = checkedSplices(message.splices, exec.message)
  if (splices === undefined) {
    throw new Refusal('ERR_SIPLET_CALL_FUNCTION', `${name}() left edits that do not fit the message`)
  }
  // The script's own next hop was checked when the script set it, and will be again when its verdict is read.
  return { code, dstUri: message.dstUri === dstUri ? dstUri : nextHop(name, message.dstUri), splices }
}

/** `dstUri` as the function left it; as in set_dst_uri, an empty one is none. */
function nextHop(name: string, dstUri: unknown): string | null {
  if (dstUri === null || dstUri === '') return null
  if (typeof dstUri !== 'string') {
    const text = `${name}() left a dstUri that is neither text nor null: ${thrownText(dstUri)}`
    throw new Refusal('ERR_SIPLET_CALL_FUNCTION', text)
  }
  checkURI(dstUri)
  return dstUri
}

function failed({ name }: FunctionCall, thrown: unknown): FunctionReply {
  if (Refusal.is(thrown)) return { error: thrown.error, message: thrown.message }
  return { error: 'ERR_SIPLET_CALL_FUNCTION', message: `${name}() failed: ${thrownText(thrown)}` }
}
