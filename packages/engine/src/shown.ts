/** Turns foreign values into text for messages. The functions never throw, whatever the value does. */

const MAX_LENGTH = 2_048
const MAX_NAME = 200
const UNREADABLE = 'a value that cannot be read'

/** Returns the value as it could be written in source code. */
export function shown(value: unknown): string {
  try {
    if (typeof value === 'bigint') return cut(`${value}n`)
    const json = typeof value === 'object' || typeof value === 'string' ? JSON.stringify(value) : undefined
    return cut(json ?? String(value))
  } catch {
    return UNREADABLE
  }
}

/** Returns a name from a script, such as the name of a module, on one line and shortened. */
export function shownName(name: string): string {
  const shown = name.length <= MAX_NAME ? name : `${name.slice(0, MAX_NAME)}…`
  return shown.replaceAll('\n', '\\n')
}

/** Returns the message of an error, or a text for any other thrown value. */
export function thrownText(thrown: unknown): string {
  try {
    if (!(thrown instanceof Error)) return cut(String(thrown))
    const { message } = thrown
    return typeof message === 'string' ? cut(message) : 'an error whose message is not text'
  } catch {
    return UNREADABLE
  }
}

function cut(text: string): string {
  return text.length <= MAX_LENGTH ? text : `${text.slice(0, MAX_LENGTH)}…`
}
