/**
 * Handles call_function for one child, in every isolation: takes the call as text from the isolate and returns the
 * reply as text. A malformed call is refused and recorded. The child then counts as lost when its batch has ended.
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
  /** Index of the exec that called last, and the number of its calls. */
  #index = 0
  #count = 0
  readonly #called = new Set<number>()
  #malformed: string | undefined

  constructor(functions: Functions, rank: number, limits: FunctionCallLimits) {
    this.#functions = functions
    this.#rank = rank
    this.#limits = limits
  }

  /** Description of the malformed call in the current or last batch, if there was one. */
  get malformed(): string | undefined {
    return this.#malformed
  }

  /** Prepares for a batch. An empty batch stands for a start. */
  begin(batch: readonly PendingExec[]): void {
    this.#batch = batch
    this.#index = this.#count = 0
    this.#called.clear()
    this.#malformed = undefined
  }

  /** Indexes in the batch of the execs that have called a function. Returns a copy. */
  get called(): ReadonlySet<number> {
    return new Set(this.#called)
  }

  /** Answers a call synchronously. Never throws. */
  answerSync(json: unknown): string {
    const call = this.#read(json)
    if ('error' in call) return JSON.stringify(call)
    return this.#written(call, this.#functions.callSync(this.#rank, this.#batch[call.index]!, call))
  }

  /** Answers a call after its function has settled. Never rejects. */
  async answer(json: unknown): Promise<string> {
    const call = this.#read(json)
    if ('error' in call) return JSON.stringify(call)
    return this.#written(call, await this.#functions.call(this.#rank, this.#batch[call.index]!, call))
  }

  /**
   * Returns the reply as JSON, or an error if it exceeds limits.maxResultBytes: the exec could not return that much
   * anyway.
   */
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

/** Number of characters in the next hop and the edits of a reply. */
function lengthOf({ dstUri, splices }: Exclude<FunctionReply, FailedReply>): number {
  let length = dstUri === null ? 0 : dstUri.length
  for (const { text } of splices) length += text.length
  return length
}

/** Returns the reply to a malformed call. Only a compromised isolate makes one. */
export function malformedCall(what: string): FailedReply {
  return { error: 'ERR_SIPLET_CHILD_LOST', message: `call_function(): ${what}` }
}

/** Maximum length of a call: the number of characters of its JSON. A call is at most as long as the area. */
export function maxCallLength({ maxResultBytes }: Pick<FunctionCallLimits, 'maxResultBytes'>): number {
  return areaBytes(maxResultBytes)
}

/** Returns an error if the call is too long. Honest scripts can make such calls. */
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
