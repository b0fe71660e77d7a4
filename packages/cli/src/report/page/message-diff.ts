/** A message before and after the script, line by line, with what differs within a line marked. */
import { diffLines, diffWordsWithSpace } from 'diff'

export interface DiffLine {
  readonly kind: 'kept' | 'removed' | 'added'
  readonly parts: readonly { readonly text: string; readonly marked: boolean }[]
}

/** Beyond this a message is shown as wholly replaced: milliseconds. */
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

/** Lines of a text without their ends. */
export function linesOf(text: string): string[] {
  if (text === '') return []
  return text.replace(/\r?\n$/, '').split(/\r?\n/)
}

/** First what went, then what came; lines of the same header are compared word by word. */
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

/** Name of a header, type of an SDP line, or the first word. */
function nameOf(line: string): string {
  return line.slice(0, line.search(/[\s:=]|$/)).toLowerCase()
}

function plain(kind: DiffLine['kind'], text: string): DiffLine {
  return { kind, parts: [{ text, marked: false }] }
}
