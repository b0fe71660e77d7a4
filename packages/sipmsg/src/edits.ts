/**
 * Edits: a sorted list of splices against the original bytes. What no splice covers stays byte-identical; edits of
 * edited text compose into the same list, which is applied in one pass.
 */

/** Bytes start..end (exclusive) of the original are replaced by `text` (one-byte text). */
export interface Splice {
  readonly start: number
  readonly end: number
  readonly text: string
}

/** No edits. */
export const NO_SPLICES: readonly Splice[] = Object.freeze([])

/**
 * The original with the splices applied.
 *
 * @param splices sorted by start, none overlapping another
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
 * The list after one more edit, which replaces start..end of the *edited* text by `text`. A splice that comes to
 * say what the original says is dropped.
 */
export function compose(
  original: string,
  splices: readonly Splice[],
  start: number,
  end: number,
  text: string,
): readonly Splice[] {
  const before: Splice[] = []
  const after: Splice[] = []
  // Edited offset minus original offset: behind the last splice before the edit, and behind the last it touches.
  let shiftStart = 0
  let shift = 0
  let head = ''
  let tail = ''
  let originalStart = -1
  let originalEnd = -1
  for (let i = 0; i < splices.length; i++) {
    const splice = splices[i]!
    const from = splice.start + shift
    const to = from + splice.text.length
    if (to < start) {
      before.push(splice)
      shift = shiftStart = to - splice.end
    } else if (from > end) {
      after.push(splice)
    } else {
      if (from <= start) {
        originalStart = splice.start
        head = splice.text.slice(0, start - from)
      }
      if (to >= end) {
        originalEnd = splice.end
        tail = splice.text.slice(end - from)
      }
      shift = to - splice.end
    }
  }
  if (originalStart === -1) originalStart = start - shiftStart
  if (originalEnd === -1) originalEnd = end - shift
  const merged = { start: originalStart, end: originalEnd, text: head + text + tail }
  if (original.slice(merged.start, merged.end) === merged.text) return [...before, ...after]
  return [...before, merged, ...after]
}
