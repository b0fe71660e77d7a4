/** call_function, host side: finds the function, gives it the message as edited so far, answers with what it did. */
import { setTimeout as delay } from 'node:timers/promises'
import type { PendingExec } from '../dispatch/pending-exec.ts'
import type { ErrorCode } from '../errors.ts'
import type { FunctionCall, FunctionReply } from '../wire/function-call.ts'
import { type EmbedderFunction, FunctionMessage } from './function-message.ts'
import type { Nesting } from './nesting.ts'
import { timedOut } from './timed-out.ts'

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

  /** Answers at once; a function that returns a promise is an error, since nobody can wait for it. */
  callSync(rank: number, batch: readonly PendingExec[], call: FunctionCall): FunctionReply {
    const message = messageOf(batch[call.index]!, call)
    const result = this.#invoke(rank, call, message)
    if (isPromise(result)) {
      result.then(undefined, () => {})
      return refusal(
        'ERR_SIPLET_ASYNC_FUNCTION',
        `${call.name}() answers with a promise; execSync cannot wait: use exec`,
      )
    }
    return reply(call, message, result)
  }

  /** Waits for the function, at most callFunctionTimeoutMs. Never rejects. */
  async call(rank: number, batch: readonly PendingExec[], call: FunctionCall): Promise<FunctionReply> {
    const message = messageOf(batch[call.index]!, call)
    let result = this.#invoke(rank, call, message)
    if (isPromise(result)) {
      const stop = new AbortController()
      const answer = result.then(
        (value) => ({ value }),
        (error: unknown) => refusal('ERR_SIPLET_CALL_FUNCTION', `${call.name}() failed: ${text(error)}`),
      )
      const first = await Promise.race([
        answer,
        delay(this.#timeoutMs, undefined, { signal: stop.signal }).catch(() => undefined),
      ])
      stop.abort()
      if (first === undefined) return timedOut(call.name, this.#timeoutMs)
      if ('error' in first) return first
      result = first.value
    }
    return reply(call, message, result)
  }

  #invoke(rank: number, call: FunctionCall, message: FunctionMessage): unknown {
    const { name, args } = call
    const target = Object.hasOwn(this.#table, name) ? this.#table[name] : undefined
    if (target === undefined) {
      const names = Object.keys(this.#table)
      return refusal(
        'ERR_SIPLET_NO_SUCH_FUNCTION',
        `call_function(): no such function ${name}; there ${names.length === 0 ? 'are none' : `are ${names.join(', ')}`}`,
      )
    }
    try {
      return this.#nesting.within(rank, () => target(message, ...args))
    } catch (error) {
      return refusal('ERR_SIPLET_CALL_FUNCTION', `${name}() failed: ${text(error)}`)
    }
  }
}

function messageOf(exec: PendingExec, { dstUri, splices }: FunctionCall): FunctionMessage {
  const message = new FunctionMessage(exec, dstUri)
  message.restoreSplices(splices)
  return message
}

class Refusal {
  readonly error: ErrorCode
  readonly message: string
  constructor(error: ErrorCode, message: string) {
    this.error = error
    this.message = message
  }
}

function refusal(error: ErrorCode, message: string): Refusal {
  return new Refusal(error, message)
}

function reply({ name }: FunctionCall, { dstUri, splices }: FunctionMessage, result: unknown): FunctionReply {
  if (result instanceof Refusal) return result
  const code = typeof result === 'boolean' ? Number(result) : result
  if (typeof code !== 'number' || (code | 0) !== code) {
    return refusal('ERR_SIPLET_CALL_FUNCTION', `${name}() must return a 32-bit integer, not ${text(result)}`)
  }
  return { code, dstUri, splices }
}

function isPromise(value: unknown): value is Promise<unknown> {
  return typeof value === 'object' && value !== null && typeof Reflect.get(value, 'then') === 'function'
}

function text(value: unknown): string {
  return value instanceof Error ? value.message : String(value)
}
