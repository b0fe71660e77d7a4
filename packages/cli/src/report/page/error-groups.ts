/** Errors of one place in the script are one group, whatever URI or name each of their messages quotes. */
export interface ErrorGroup {
  /** The first text of the group. */
  text: string
  /** Messages with such an error. */
  messages: number
  /** Different texts in the group. */
  texts: number
  /** What finds them, in the language of the search. */
  query: string
}

/** Code, message, and place in the script, as MessageTable writes them. */
const ERROR = /^(?<code>ERR_\w+): .* (?<place>\(at [^()]+:\d+\))$/s

/**
 * @param errors of each message its error; null where it has none
 * @returns the largest group first
 */
export function errorGroups(errors: Iterable<string | null>): ErrorGroup[] {
  const groups = new Map<string, ErrorGroup & { distinct: Set<string> }>()
  for (const text of errors) {
    if (text === null) continue
    const { code, place } = ERROR.exec(text)?.groups ?? {}
    const key = place === undefined ? text : `${code} ${place}`
    let group = groups.get(key)
    if (group === undefined) {
      group = {
        text,
        messages: 0,
        texts: 0,
        query: `"error:${quotable(place ?? text)}"`,
        distinct: new Set(),
      }
      groups.set(key, group)
    }
    group.messages++
    group.distinct.add(text)
    group.texts = group.distinct.size
  }
  return [...groups.values()].sort((a, b) => b.messages - a.messages)
}

/** Quotes end a word of a search. */
function quotable(text: string): string {
  return text.split('"')[0]!
}
