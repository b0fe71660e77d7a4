/**
 * The host side of call_function: finds the function, passes it the message as edited so far, and returns the reply.
 * The embedder is trusted, and its mistakes are not fatal: if a function throws, returns a wrong value or leaves a
 * wrong value in the message, only that call fails.
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

/** Maximum number of characters of an unknown function name in an error text. */
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

  /**
   * Calls the function and returns its reply. A function that returns a promise is an error, because the caller
   * cannot wait. Never throws.
   */
  callSync(rank: number, exec: PendingExec, call: FunctionCall): FunctionReply {
    const hold = this.#nesting.hold(rank)
    try {
      const message = messageOf(exec, call)
      const target = this.#target(call.name)
      const result: unknown = hold.run(() => target(message, ...call.args))
      if (!isObject(result) || !isThenable(result)) return reply(call, exec, message, result)
      // Nobody handles a rejection of this promise, so it is dropped here.
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

  /** Calls the function and waits for its reply, at most callFunctionTimeoutMs. Never rejects. */
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

/** The reason why a call is refused. Thrown and caught in this file only. */
class Refusal {
  readonly #brand = true
  readonly error: ErrorCode
  readonly message: string

  /** Tests for the private field. Unlike instanceof, this triggers no trap if the value is a Proxy. */
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
 * Returns a promise that resolves to the value or, if the value is a thenable, to the first value that the thenable
 * provides. It calls `then` once and turns an exception of `then` into a rejection, as in
 * https://tc39.es/ecma262/#sec-promise-resolve-functions.
 */
function settled(value: object): Promise<unknown> {
  return new Promise((resolve) => {
    resolve(value)
  })
}

/**
 * Returns the reply for the code and the message that a function left.
 *
 * @throws a Refusal, or any error that a getter of the message throws
 */
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
  // The next hop of the script was checked when the script set it. It is checked again when its verdict is read.
  return { code, dstUri: message.dstUri === dstUri ? dstUri : nextHop(name, message.dstUri), splices }
}

/** Checks the `dstUri` that a function left. As in set_dst_uri, an empty text means none. */
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
