/** The decision of a script about a message, and the differences between two decisions. */
import { styleText } from 'node:util'
import { printable } from '@siplet/engine'
import type { NDJSONLine, ReplayedMessage } from './replayed-message.ts'

/**
 * The fields of an NDJSON line that depend on the script alone. Times and error texts are left out because they may
 * differ.
 */
export interface Decision {
  exec: string | null
  code: number | null
  ruriOut: string | null
  dstUri: string | null
  edited: boolean
  /** Code of the error. */
  error: string | null
}

export interface Difference {
  field: keyof Decision | 'bytes'
  before: string
  after: string
}

export function decisionOf({ exec, code, ruriOut, dstUri, edited, error }: NDJSONLine): Decision {
  return { exec, code, ruriOut, dstUri, edited, error: error?.code ?? null }
}

export function decisionDifferences(before: Decision, after: Decision): Difference[] {
  const fields = Object.keys(after) as (keyof Decision)[]
  return fields
    .filter((field) => before[field] !== after[field])
    .map((field) => ({
      field,
      before: String(before[field] ?? 'none'),
      after: String(after[field] ?? 'none'),
    }))
}

/** Collects messages whose decisions differ, and groups those with the same difference. */
export class DifferenceCollector {
  readonly #groups = new Map<string, Group>()
  #messages = 0

  /** Number of messages with a difference. */
  get messages(): number {
    return this.#messages
  }

  add(replayed: ReplayedMessage, differences: readonly Difference[]): void {
    if (differences.length === 0) return
    this.#messages++
    const { frame, file, method, status, callId } = replayed.line
    const kind = status === null ? `${method}` : `${status} ${method}`
    // Groups by what changed. URIs differ from call to call, so the first one represents its group.
    const alike = differences.map(({ field, before, after }) =>
      field === 'ruriOut' || field === 'dstUri' || field === 'bytes' ? field : `${field} ${before} ${after}`,
    )
    const key = `${kind} ${alike.join()}`
    let group = this.#groups.get(key)
    if (group === undefined) {
      group = { kind, messages: 0, differences, places: [] }
      this.#groups.set(key, group)
    }
    group.messages++
    if (group.places.length < PLACES) group.places.push(`frame ${frame} of ${file} (Call-ID ${callId})`)
  }

  /**
   * Returns the differences for people: one paragraph per group, the largest group first. Coloured if `stream` is a
   * terminal and NO_COLOR is not set.
   *
   * @param before name of the baseline, such as a script
   */
  text(before: string, after: string, stream: NodeJS.WriteStream): string {
    const old = (line: string) => styleText('red', printable(line), { stream })
    const now = (line: string) => styleText('green', printable(line), { stream })
    const lines = [`Decisions that differ: ${this.#messages.toLocaleString('en')}`]
    for (const group of [...this.#groups.values()].sort((a, b) => b.messages - a.messages)) {
      const { kind, messages, differences, places } = group
      lines.push('', printable(`${messages.toLocaleString('en')} × ${kind}`))
      for (const difference of differences) {
        if (difference.field === 'bytes') {
          const changed = difference.after.split('\n').map((line) => `    ${line}`)
          lines.push('  message, line by line:')
          lines.push(...changed.map((line) => (line.startsWith('    -') ? old(line) : now(line))))
        } else {
          lines.push(printable(`  ${difference.field}`))
          lines.push(old(`    - ${difference.before}    (${before})`))
          lines.push(now(`    + ${difference.after}    (${after})`))
        }
      }
      lines.push(...places.map((place) => printable(`  at ${place}`)))
      if (messages > places.length) lines.push(`  … and ${messages - places.length} more`)
    }
    return `${lines.join('\n')}\n`
  }
}

interface Group {
  kind: string
  messages: number
  differences: readonly Difference[]
  places: string[]
}

/** Number of places shown for a group. */
const PLACES = 5
