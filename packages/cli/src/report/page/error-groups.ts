/** Errors at one place of the script form one group, whatever URI or name their messages quote. */
export interface ErrorGroup {
  /** The first text of the group. */
  text: string
  /** Number of messages with such an error. */
  messages: number
  /** Number of different texts in the group. */
  texts: number
  /** The search query that finds the messages. */
  query: string
}

/** Code, message and place in the script, as MessageTable writes them. */
const ERROR = /^(?<code>ERR_\w+): .* (?<place>\(at [^()]+:\d+\))$/s

/**
 * @param errors the error of each message; null if it has none
 * @returns the groups, largest first
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

/** Returns text that can be quoted in a search: quotes would end the word. */
function quotable(text: string): string {
  return text.split('"')[0]!
}
