/**
 * The bytes of a message, its edits, and where things stand in them. What is read is always the message as edited
 * so far; the index over it is built as far as it is asked for.
 */
import { applySplices, compose, NO_SPLICES, type Splice } from './edits.ts'
import { HeaderIndex } from './header-index.ts'
import { toBytes, toText } from './one-byte-text.ts'
import { LF } from './scan.ts'
import { findStartLine, type StartLine, startLine } from './start-line.ts'

const URI_LIKE = /^[\x21-\x7e]+$/

/** Whether the bytes (or one-byte text) begin with a SIP start line, leading CRLFs aside. */
export function isSIP(source: Uint8Array | string): boolean {
  return findStartLine(typeof source === 'string' ? source : toText(source)) !== null
}

export class MessageText {
  /** Set by {@link copyOf} beside the constructor. */
  protected original: string
  protected originalStartLine: StartLine
  #splices: readonly Splice[] = NO_SPLICES
  /** The message as it is now, its start line and its headers; undefined after an edit, until they are needed. */
  #text: string | undefined
  #startLine: StartLine | undefined
  #headers: HeaderIndex | undefined
  /** Where headers before the last edit start: those need not be looked for again. */
  #starts: number[] | undefined

  /**
   * @param source the bytes of one message, the same as one-byte text, or a message: as it is now, edits included, it
   *   is the original of this one
   * @throws SIPMessageError ERR_SIPLET_NOT_SIP where they do not begin with a start line
   */
  constructor(source: Uint8Array | string | MessageText) {
    if (source instanceof MessageText) {
      this.original = this.#text = source.text
      this.originalStartLine = this.#startLine = source.startLine
      // It only grows, and says nothing but where things stand in the very same text.
      this.#headers = source.index
      return
    }
    const text = typeof source === 'string' ? source : toText(source)
    this.original = this.#text = text
    this.originalStartLine = this.#startLine = startLine(text)
  }

  /** The whole message as it is now, as one-byte text. */
  get text(): string {
    this.#text ??= applySplices(this.original, this.#splices)
    return this.#text
  }

  /** The whole message as it is now. */
  toBytes(): Uint8Array {
    return toBytes(this.text)
  }

  /** The edits so far, against the original bytes. */
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
   * Whether the splices can be the edits of this message: in order, none overlapping another, all within the original,
   * and with a start line of the same kind as result. For splices from somebody who is not trusted.
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
    // Another Request-URI is by far the most frequent edit of a start line.
    const onlyURI =
      isRequest && first.start === valueStart && first.end === valueEnd && URI_LIKE.test(first.text)
    const second = splices[1]
    if (hasLineEnd && onlyURI && (second === undefined || second.start >= headersStart)) return true
    return findStartLine(applySplices(this.original, splices))?.isRequest === isRequest
  }

  /** Makes this message what `source` is: the same original, with the same edits. */
  protected copyOf(source: MessageText): void {
    this.original = source.original
    this.originalStartLine = source.originalStartLine
    this.#splices = source.#splices
  }

  /** The start line as it is now. */
  protected get startLine(): StartLine {
    this.#startLine ??= startLine(this.text)
    return this.#startLine
  }

  /** The headers as they are now. */
  protected get index(): HeaderIndex {
    this.#headers ??= new HeaderIndex(this.text, this.#starts ?? [this.startLine.headersStart])
    return this.#headers
  }

  /** Adds edits against the message as it is now; sorted, none overlapping another. */
  protected edit(edits: readonly Splice[]): void {
    const before = this.#startLine
    const starts = edits.length === 0 ? undefined : this.#headers?.startsUpTo(edits[0]!.start)
    this.restoreSplices(compose(this.original, this.#splices, edits))
    if (before === undefined || starts === undefined) return
    this.#startLine = before
    this.#starts = starts
  }
}
