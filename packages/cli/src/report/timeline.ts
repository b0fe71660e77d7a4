/** Decisions over time in a bounded number of spans, whatever the order and the length of the captures. */
import { DECISIONS, type TimelineData } from './format.ts'

/** Upper bound on the number of spans. Beyond it, spans are merged into longer ones. */
const SPANS = 240

const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** Lengths of spans in milliseconds that people have a name for. Each is a multiple of the previous one. */
const WIDTHS = [
  ...[1, 2, 10, 20, 100, 200],
  ...[1, 2, 10, 30].map((seconds) => seconds * SECOND),
  ...[1, 2, 10, 30].map((minutes) => minutes * MINUTE),
  ...[1, 2, 12].map((hours) => hours * HOUR),
  ...[1, 2, 10, 100, 1_000, 10_000, 100_000, 1_000_000].map((days) => days * DAY),
]

export class Timeline {
  #step = 0
  #spans = new Map<number, number[]>()
  #first = Number.POSITIVE_INFINITY
  #last = Number.NEGATIVE_INFINITY

  /**
   * @param milliseconds since 1970
   * @param decision index into DECISIONS
   */
  add(milliseconds: number, decision: number): void {
    const span = Math.floor(milliseconds / this.#width)
    this.#count(span)[decision]!++
    while (this.#last - this.#first >= SPANS && this.#step < WIDTHS.length - 1) this.#widen()
  }

  data(): TimelineData {
    const spans = [...this.#spans.keys()].sort((a, b) => a - b)
    return { width: this.#width, spans, counts: spans.map((span) => this.#spans.get(span)!) }
  }

  get #width(): number {
    return WIDTHS[this.#step]!
  }

  #count(span: number): number[] {
    let counts = this.#spans.get(span)
    if (counts === undefined) {
      counts = DECISIONS.map(() => 0)
      this.#spans.set(span, counts)
      this.#first = Math.min(this.#first, span)
      this.#last = Math.max(this.#last, span)
    }
    return counts
  }

  #widen(): void {
    const before = this.#spans
    const factor = WIDTHS[this.#step + 1]! / this.#width
    this.#step++
    this.#spans = new Map()
    this.#first = Number.POSITIVE_INFINITY
    this.#last = Number.NEGATIVE_INFINITY
    for (const [span, counts] of before) {
      const merged = this.#count(Math.floor(span / factor))
      for (const [decision, count] of counts.entries()) merged[decision]! += count
    }
  }
}
