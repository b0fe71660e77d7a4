/** `--filter`: selects messages by an expression over the fields of an NDJSON line, in the language of filtrex. */
import { SIPMessage } from '@siplet/sipmsg'
import { compileExpression } from 'filtrex'
import type { CapturedMessage } from '../capture/index.ts'
import { CLIError } from '../errors.ts'
import type { ReplayedMessage } from './replayed-message.ts'

/** Fields that are known when a message is captured. */
const CAPTURED: Record<string, (captured: CapturedMessage, message: SIPMessage) => unknown> = {
  frame: ({ frame }) => frame,
  file: ({ file }) => file,
  time: ({ time }) => Number(time),
  transport: ({ transport }) => transport,
  srcIp: ({ src }) => src[0],
  srcPort: ({ src }) => src[1],
  dstIp: ({ dst }) => dst[0],
  dstPort: ({ dst }) => dst[1],
  type: (_, { type }) => type,
  method: (_, { method, cseqMethod }) => method ?? cseqMethod,
  status: (_, { status }) => status,
  ruri: (_, { ruri }) => ruri,
  callId: (_, { callId }) => callId,
  cseq: (_, { cseq }) => cseq,
}

/** Fields that are known after the script has decided. */
const DECIDED: Record<string, (replayed: ReplayedMessage) => unknown> = {
  exec: ({ exec }) => exec,
  code: ({ result }) => result?.code ?? null,
  ruriOut: ({ result, message }) =>
    result === null ? null : result.edited ? result.message.ruri : message.ruri,
  dstUri: ({ result }) => result?.dstUri ?? null,
  edited: ({ result }) => result?.edited ?? false,
  error: ({ result }) => result?.error?.code ?? null,
  us: ({ result }) => result?.us ?? null,
}

/** All names that an expression may use. */
const FILTER_FIELDS = [...Object.keys(CAPTURED), ...Object.keys(DECIDED)]

export class MessageFilter {
  /**
   * Whether the expression uses a decision of the script. If so, all messages are run, and only matching ones are
   * reported.
   */
  readonly afterwards: boolean
  readonly #expression: string
  readonly #evaluate: (subject: Subject) => unknown

  /** @throws CLIError ERR_SIPLET_USAGE */
  constructor(expression: string) {
    this.#expression = expression
    const names = expression.replaceAll(/"(?:[^"\\]|\\.)*"/g, '""').match(/[A-Za-z_]\w*/g) ?? []
    this.afterwards = names.some((name) => Object.hasOwn(DECIDED, name))
    try {
      this.#evaluate = compileExpression(expression, { customProp: property, operators: OPERATORS })
    } catch (cause) {
      throw this.#error((cause as Error).message, cause)
    }
  }

  /** @throws CLIError ERR_SIPLET_USAGE if the expression names an unknown field or mixes types */
  matchesCaptured(captured: CapturedMessage): boolean {
    return this.#matches({ captured, message: new SIPMessage(captured.bytes) })
  }

  /** @throws CLIError the errors of {@link matchesCaptured} */
  matchesReplayed(replayed: ReplayedMessage): boolean {
    return this.#matches({ captured: replayed.captured, message: replayed.message, replayed })
  }

  #matches(subject: Subject): boolean {
    const value = this.#evaluate(subject)
    if (typeof value === 'boolean') return value
    throw this.#error(
      value instanceof Error ? value.message : `it is ${JSON.stringify(value)}, not true or false`,
    )
  }

  #error(reason: string, cause?: unknown): CLIError {
    return new CLIError(
      'ERR_SIPLET_USAGE',
      `--filter ${this.#expression}: ${reason}; strings need double quotes; the fields are ${FILTER_FIELDS.join(', ')}`,
      { cause },
    )
  }
}

interface Subject {
  captured: CapturedMessage
  message: SIPMessage
  replayed?: ReplayedMessage
}

function property(name: string, _get: unknown, { captured, message, replayed }: Subject): unknown {
  if (Object.hasOwn(CAPTURED, name)) return CAPTURED[name]!(captured, message)
  if (replayed !== undefined && Object.hasOwn(DECIDED, name)) return DECIDED[name]!(replayed)
  throw new Error(`there is no field ${name}`)
}

type Comparison = (a: never, b: never) => boolean

/** A comparison with a missing value is false: `status >= 400` is false for requests. */
const OPERATORS = {
  '==': (a: unknown, b: unknown) => a === b,
  '!=': (a: unknown, b: unknown) => a !== b,
  '<': onPresent((a: number, b: number) => a < b),
  '<=': onPresent((a: number, b: number) => a <= b),
  '>': onPresent((a: number, b: number) => a > b),
  '>=': onPresent((a: number, b: number) => a >= b),
  '~=': onPresent((text: string, pattern: string) => new RegExp(pattern).test(text)),
}

function onPresent(compare: Comparison): (a: unknown, b: unknown) => boolean {
  return (a, b) => {
    if (a === null || b === null) return false
    if (typeof a !== typeof b) throw new Error(`${JSON.stringify(a)} and ${JSON.stringify(b)} do not compare`)
    return compare(a as never, b as never)
  }
}
