/**
 * The calls of call_function of one child, in whatever isolation: text from the isolate in, text for it out. A call that
 * is malformed is refused, and noted: the child is lost when its batch has ended.
 */
import type { PendingExec } from '../dispatch/pending-exec.ts'
import type { FailedReply, FunctionCall, FunctionReply } from '../wire/function-call.ts'
import { readFunctionCall } from '../wire/function-call-reader.ts'
import { Malformed, orMalformed } from '../wire/malformed.ts'
import { areaBytes } from '../wire/verdict.ts'
import type { Functions } from './functions.ts'

export interface FunctionCallLimits {
  maxFunctionCalls: number
  maxResultBytes: number
}

export class FunctionCalls {
  readonly #functions: Functions
  readonly #rank: number
  readonly #limits: FunctionCallLimits
  #batch: readonly PendingExec[] = []
  /** Place of the exec that called last, and how often it did. */
  #index = 0
  #count = 0
  readonly #called = new Set<number>()
  #malformed: string | undefined

  constructor(functions: Functions, rank: number, limits: FunctionCallLimits) {
    this.#functions = functions
    this.#rank = rank
    this.#limits = limits
  }

  /** What was malformed in the batch under way, or in the one that ended last. */
  get malformed(): string | undefined {
    return this.#malformed
  }

  /** A batch is about to run, or with an empty one, a start. */
  begin(batch: readonly PendingExec[]): void {
    this.#batch = batch
    this.#index = this.#count = 0
    this.#called.clear()
    this.#malformed = undefined
  }

  /** Places in the batch of the execs that have called a function; a copy. */
  get called(): ReadonlySet<number> {
    return new Set(this.#called)
  }

  /** Answers at once. Never throws. */
  answerSync(json: unknown): string {
    const call = this.#read(json)
    if ('error' in call) return JSON.stringify(call)
    return this.#written(call, this.#functions.callSync(this.#rank, this.#batch[call.index]!, call))
  }

  /** Waits for the function. Never rejects. */
  async answer(json: unknown): Promise<string> {
    const call = this.#read(json)
    if ('error' in call) return JSON.stringify(call)
    return this.#written(call, await this.#functions.call(this.#rank, this.#batch[call.index]!, call))
  }

  /** The reply as JSON. An exec could not give out more than limits.maxResultBytes, whatever a function made of its message. */
  #written({ name }: FunctionCall, reply: FunctionReply): string {
    const { maxResultBytes } = this.#limits
    if ('error' in reply || lengthOf(reply) <= maxResultBytes) return JSON.stringify(reply)
    return JSON.stringify({
      error: 'ERR_SIPLET_CALL_FUNCTION',
      message: `${name}() left a dstUri or edits longer than limits.maxResultBytes (${maxResultBytes})`,
    } satisfies FailedReply)
  }

  #read(json: unknown): FunctionCall | FailedReply {
    const refusal = typeof json === 'string' ? refusedForLength(json, this.#limits) : undefined
    if (refusal !== undefined) return refusal
    const call = orMalformed(() => {
      if (typeof json !== 'string') throw new Malformed('a function call that is no text')
      const read = readFunctionCall(json, this.#batch)
      this.#countCall(read.index)
      return read
    })
    if (!(call instanceof Malformed)) return call
    this.#malformed ??= call.message
    return malformedCall(call.message)
  }

  #countCall(index: number): void {
    if (index < this.#index) throw new Malformed('a function call of an exec that ended')
    this.#count = index === this.#index ? this.#count + 1 : 1
    this.#index = index
    this.#called.add(index)
    if (this.#count > this.#limits.maxFunctionCalls) throw new Malformed('more function calls than allowed')
  }
}

/** Characters of what a function left. */
function lengthOf({ dstUri, splices }: Exclude<FunctionReply, FailedReply>): number {
  let length = dstUri === null ? 0 : dstUri.length
  for (const { text } of splices) length += text.length
  return length
}

/** The reply to a call that no honest isolate makes. */
export function malformedCall(what: string): FailedReply {
  return { error: 'ERR_SIPLET_CHILD_LOST', message: `call_function(): ${what}` }
}

/** Longest call: characters of its JSON. As much as fits a verdict area. */
export function maxCallLength({ maxResultBytes }: Pick<FunctionCallLimits, 'maxResultBytes'>): number {
  return areaBytes(maxResultBytes)
}

/** Why the call is too long, if it is: honest scripts can make such calls. */
export function refusedForLength(
  { length }: string,
  limits: Pick<FunctionCallLimits, 'maxResultBytes'>,
): FailedReply | undefined {
  if (length <= maxCallLength(limits)) return undefined
  return {
    error: 'ERR_SIPLET_CALL_FUNCTION',
    message: `call_function(): arguments and edits are too long (${length} characters as JSON); raise limits.maxResultBytes`,
  }
}
