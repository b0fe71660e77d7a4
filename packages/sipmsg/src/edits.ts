/**
 * Edits are a sorted list of splices of the original bytes. Bytes outside all splices stay identical. Edits of edited
 * text are merged into the same list, which is applied in one pass.
 */

/** Replaces bytes start..end (exclusive) by `text` (one-byte text). */
export interface Splice {
  readonly start: number
  readonly end: number
  readonly text: string
}

/** No edits. */
export const NO_SPLICES: readonly Splice[] = Object.freeze([])

/**
 * Returns the original with the splices applied.
 *
 * @param splices sorted by start, without overlaps
 */
export function applySplices(original: string, splices: readonly Splice[]): string {
  let result = ''
  let at = 0
  for (let i = 0; i < splices.length; i++) {
    const splice = splices[i]!
    result += original.slice(at, splice.start) + splice.text
    at = splice.end
  }
  return result + original.slice(at)
}

/**
 * Returns one list that does the same as `splices` followed by `edits`. Takes linear time. Adjacent splices become one.
 * A splice that restores the original text is dropped.
 *
 * @param splices relative to the original
 * @param edits relative to the edited text; sorted, without overlaps
 */
export function compose(
  original: string,
  splices: readonly Splice[],
  edits: readonly Splice[],
): readonly Splice[] {
  // A fast path: most messages get a single edit at a time, as their first.
  if (splices.length === 0 && edits.length === 1) {
    const { start, end, text } = edits[0]!
    return end - start === text.length && original.startsWith(text, start) ? NO_SPLICES : edits
  }
  const edited = new EditedText(original, splices)
  const result = new SpliceList(original)
  let at = 0
  for (let i = 0; i < edits.length; i++) {
    const { start, end, text } = edits[i]!
    edited.move(start - at, result)
    result.insert(text)
    edited.move(end - start, null)
    at = end
  }
  edited.move(Number.POSITIVE_INFINITY, result)
  return result.finish()
}

/** Walks through the edited text: ranges kept from the original alternate with inserted texts. */
class EditedText {
  readonly #original: string
  readonly #splices: readonly Splice[]
  #next = 0
  /** Offset in the original, and offset in the text of splice `next` if that splice was reached. */
  #at = 0
  #inText = -1

  constructor(original: string, splices: readonly Splice[]) {
    this.#original = original
    this.#splices = splices
  }

  /** Advances by `length` characters of the edited text, and reports the skipped pieces to `to`. */
  move(length: number, to: SpliceList | null): void {
    for (;;) {
      const splice = this.#splices[this.#next]
      if (this.#inText === -1) {
        const kept = Math.min(length, (splice?.start ?? this.#original.length) - this.#at)
        to?.keep(this.#at, this.#at + kept)
        this.#at += kept
        length -= kept
        if (splice === undefined || this.#at < splice.start) return
        this.#inText = 0
      }
      const { text, end } = splice!
      const inserted = Math.min(length, text.length - this.#inText)
      to?.insert(text.slice(this.#inText, this.#inText + inserted))
      this.#inText += inserted
      length -= inserted
      if (this.#inText < text.length) return
      this.#next++
      this.#at = end
      this.#inText = -1
    }
  }
}

/** Builds the list from kept ranges and inserted texts. */
class SpliceList {
  readonly #original: string
  readonly #list: Splice[] = []
  /** Offset in the original after the last kept range. */
  #at = 0
  #text = ''

  constructor(original: string) {
    this.#original = original
  }

  keep(start: number, end: number): void {
    if (start === end) return
    this.#flush(start)
    this.#at = end
  }

  insert(text: string): void {
    this.#text += text
  }

  finish(): readonly Splice[] {
    this.#flush(this.#original.length)
    return this.#list.length === 0 ? NO_SPLICES : this.#list
  }

  #flush(end: number): void {
    const start = this.#at
    const text = this.#text
    this.#text = ''
    if (end === start && text === '') return
    if (end - start === text.length && this.#original.startsWith(text, start)) return
    this.#list.push({ start, end, text })
  }
}
