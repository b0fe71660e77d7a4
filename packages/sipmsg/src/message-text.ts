/**
 * The bytes of a message, its edits, and an index of its headers. All reads see the current message, with all edits so
 * far. The index is built lazily.
 */
import { applySplices, compose, NO_SPLICES, type Splice } from './edits.ts'
import { HeaderIndex } from './header-index.ts'
import { toBytes, toText } from './one-byte-text.ts'
import { LF } from './scan.ts'
import { findStartLine, type StartLine, startLine } from './start-line.ts'

const URI_LIKE = /^[\x21-\x7e]+$/

/** Returns whether the bytes (or one-byte text) begin with a SIP start line, after optional CRLFs. */
export function isSIP(source: Uint8Array | string): boolean {
  return findStartLine(typeof source === 'string' ? source : toText(source)) !== null
}

export class MessageText {
  /** Set by the constructor, and by {@link copyOf}. */
  protected original: string
  protected originalStartLine: StartLine
  #splices: readonly Splice[] = NO_SPLICES
  /** The current message, its start line and its headers. Undefined after an edit, until they are needed. */
  #text: string | undefined
  #startLine: StartLine | undefined
  #headers: HeaderIndex | undefined
  /** Starts of the headers before the last edit, which need not be searched again. */
  #starts: number[] | undefined

  /**
   * @param source the bytes of one message, the same bytes as one-byte text, or a message. The current text of a
   * message, with its edits, becomes the original of the new one.
   * @throws SIPMessageError ERR_SIPLET_NOT_SIP if the source does not begin with a start line
   */
  constructor(source: Uint8Array | string | MessageText) {
    if (source instanceof MessageText) {
      this.original = this.#text = source.text
      this.originalStartLine = this.#startLine = source.startLine
      // Sharing is safe: the index only grows and describes exactly the same text.
      this.#headers = source.index
      return
    }
    const text = typeof source === 'string' ? source : toText(source)
    this.original = this.#text = text
    this.originalStartLine = this.#startLine = startLine(text)
  }

  /** The whole current message as one-byte text. */
  get text(): string {
    this.#text ??= applySplices(this.original, this.#splices)
    return this.#text
  }

  /** The bytes of the whole current message. */
  toBytes(): Uint8Array {
    return toBytes(this.text)
  }

  /** All edits so far, relative to the original bytes. */
  get splices(): readonly Splice[] {
    return this.#splices
  }

  /** Replaces all edits. They must come from a message with the same original bytes. */
  restoreSplices(splices: readonly Splice[]): void {
    if (splices.length === 0 && this.#splices.length === 0) return
    this.#splices = splices
    this.#text = this.#startLine = this.#headers = this.#starts = undefined
  }

  /**
   * Checks that splices can be the edits of this message: sorted, without overlaps, within the original, and with a
   * start line of the same kind as the result. Use it for splices from an untrusted source.
   */
  acceptsSplices(splices: readonly Splice[]): boolean {
    const { original } = this
    let at = 0
    for (let i = 0; i < splices.length; i++) {
      const { start, end } = splices[i]!
      if (!(start >= at && end >= start && end <= original.length)) return false
      at = end
    }
    return splices.length === 0 || this.#keepsStartLine(splices)
  }

  #keepsStartLine(splices: readonly Splice[]): boolean {
    const { isRequest, valueStart, valueEnd, headersStart } = this.originalStartLine
    const first = splices[0]!
    const hasLineEnd = this.original.charCodeAt(headersStart - 1) === LF
    if (hasLineEnd && first.start >= headersStart) return true
    // The most frequent edit of a start line by far is a new Request-URI.
    const onlyURI =
      isRequest && first.start === valueStart && first.end === valueEnd && URI_LIKE.test(first.text)
    const second = splices[1]
    if (hasLineEnd && onlyURI && (second === undefined || second.start >= headersStart)) return true
    return findStartLine(applySplices(this.original, splices))?.isRequest === isRequest
  }

  /** Makes this message a copy of `source`: the same original with the same edits. */
  protected copyOf(source: MessageText): void {
    this.original = source.original
    this.originalStartLine = source.originalStartLine
    this.#splices = source.#splices
  }

  /** The start line of the current message. */
  protected get startLine(): StartLine {
    this.#startLine ??= startLine(this.text)
    return this.#startLine
  }

  /** The headers of the current message. */
  protected get index(): HeaderIndex {
    this.#headers ??= new HeaderIndex(this.text, this.#starts ?? [this.startLine.headersStart])
    return this.#headers
  }

  /** Adds edits relative to the current message. They must be sorted and must not overlap. */
  protected edit(edits: readonly Splice[]): void {
    const before = this.#startLine
    const starts = edits.length === 0 ? undefined : this.#headers?.startsUpTo(edits[0]!.start)
    this.restoreSplices(compose(this.original, this.#splices, edits))
    if (before === undefined || starts === undefined) return
    this.#startLine = before
    this.#starts = starts
  }
}
