/**
 * Text that others wrote, as it may be shown: scripts, messages, captures and file names choose much of what stands in
 * logs, errors and summaries. Raw, they could move the cursor, colour or hide what follows, or write a line that looks
 * like another entry. Everything that is shown to people goes through here before it gets its own colours.
 */

/**
 * C0 (all but the tab), DEL, C1, what changes the direction of text (Unicode's Bidi_Control), line and paragraph
 * separators, and halves of surrogate pairs.
 */
const UNPRINTABLE = /(?!\t)[\p{Cc}\p{Bidi_Control}\p{Zl}\p{Zp}\p{Cs}]/gu

const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r' }

/** @returns one line: control characters as escapes such as `\n` and `\u001b`; tabs stay */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, (character) => SHORT[character] ?? unicodeEscape(character))
}

/**
 * The same of a text of several lines, such as a stack or a code frame, which stay lines.
 *
 * @param indent begins every line after the first that does not begin with it already. Where entries begin at the start
 *   of a line, a text cannot forge one.
 */
export function printableLines(text: string, indent = ''): string {
  return text
    .split('\n')
    .map((line, at) => (at === 0 || line.startsWith(indent) ? '' : indent) + printable(line))
    .join('\n')
}

/** JSON of a value, on one line. JSON.stringify leaves DEL, C1 and separators raw; here they are escapes of JSON. */
export function printableJSON(value: unknown): string {
  return escapedJSON(JSON.stringify(value))
}

/** @param json text of JSON; it says the same afterwards. Its line feeds stay: they are none of a string */
export function escapedJSON(json: string): string {
  return json.replace(UNPRINTABLE, (character) =>
    character === '\n' || character === '\r' ? character : unicodeEscape(character),
  )
}

function unicodeEscape(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}
