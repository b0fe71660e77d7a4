/** Compares a message before and after the script line by line, and marks differences within a line. */
import { diffLines, diffWordsWithSpace } from 'diff'

export interface DiffLine {
  readonly kind: 'kept' | 'removed' | 'added'
  readonly parts: readonly { readonly text: string; readonly marked: boolean }[]
}

/** Upper bound on the time of a comparison, in milliseconds. Beyond it, the whole message is shown as replaced. */
const TIMEOUT_MS = 500

export function messageDiff(before: string, after: string): DiffLine[] {
  const changes = diffLines(before, after, { timeout: TIMEOUT_MS }) ?? [
    { removed: true, value: before },
    { added: true, value: after },
  ]
  const lines: DiffLine[] = []
  for (let k = 0; k < changes.length; k++) {
    const change = changes[k]!
    if (!change.removed) {
      lines.push(...linesOf(change.value).map((text) => plain(change.added ? 'added' : 'kept', text)))
      continue
    }
    const replacement = changes[k + 1]?.added ? changes[++k]!.value : ''
    lines.push(...replaced(linesOf(change.value), linesOf(replacement)))
  }
  return lines
}

/** Returns the lines of a text without line ends. */
export function linesOf(text: string): string[] {
  if (text === '') return []
  return text.replace(/\r?\n$/, '').split(/\r?\n/)
}

/** Returns removed lines first, then added lines. Lines of the same header are compared word by word. */
function replaced(removed: readonly string[], added: readonly string[]): DiffLine[] {
  const left = [...added]
  const came = new Map<string, DiffLine>()
  const went = removed.map((line) => {
    const at = left.findIndex((candidate) => nameOf(candidate) === nameOf(line))
    if (at < 0) return plain('removed', line)
    const [other] = left.splice(at, 1) as [string]
    const words = diffWordsWithSpace(line, other, { timeout: TIMEOUT_MS })
    if (words === undefined) return plain('removed', line)
    came.set(other, {
      kind: 'added',
      parts: words.filter((part) => !part.removed).map((part) => ({ text: part.value, marked: part.added })),
    })
    return {
      kind: 'removed' as const,
      parts: words.filter((part) => !part.added).map((part) => ({ text: part.value, marked: part.removed })),
    }
  })
  return [...went, ...added.map((line) => came.get(line) ?? plain('added', line))]
}

/** Returns the name of a header, the type of an SDP line, or the first word. */
function nameOf(line: string): string {
  return line.slice(0, line.search(/[\s:=]|$/)).toLowerCase()
}

function plain(kind: DiffLine['kind'], text: string): DiffLine {
  return { kind, parts: [{ text, marked: false }] }
}
