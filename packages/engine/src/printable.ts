/**
 * Makes text printable. Scripts, messages, captures and file names control much of the text in logs, errors and
 * summaries. Raw, such text could move the cursor, change colours, hide what follows, or forge a line that looks like
 * another entry. All text that people see passes through here before our own colours are added.
 */

/**
 * Matches C0 controls (except tab), DEL, C1 controls, characters that change the text direction (Unicode's
 * Bidi_Control), line and paragraph separators, and unpaired surrogates.
 */
const UNPRINTABLE = /(?!\t)[\p{Cc}\p{Bidi_Control}\p{Zl}\p{Zp}\p{Cs}]/gu

const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r' }

/** Returns the text as one line. Control characters become escapes such as `\n` and `\u001b`; tabs are kept. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, (character) => SHORT[character] ?? unicodeEscape(character))
}

/**
 * Makes a text of several lines printable, such as a stack or a code frame. Line breaks are kept.
 *
 * @param indent prefix for every line after the first that does not begin with it already. If log entries begin at
 *   the start of a line, an indented text cannot forge an entry.
 */
export function printableLines(text: string, indent = ''): string {
  return text
    .split('\n')
    .map((line, at) => (at === 0 || line.startsWith(indent) ? '' : indent) + printable(line))
    .join('\n')
}

/**
 * Returns a value as JSON on one line. JSON.stringify leaves DEL, C1 and separators raw; here they become JSON
 * escapes.
 */
export function printableJSON(value: unknown): string {
  return escapedJSON(JSON.stringify(value))
}

/**
 * Escapes the unprintable characters in a JSON text. The value of the JSON stays the same. Line feeds are kept,
 * because they cannot be part of a JSON string.
 *
 * @param json a JSON text
 */
export function escapedJSON(json: string): string {
  return json.replace(UNPRINTABLE, (character) =>
    character === '\n' || character === '\r' ? character : unicodeEscape(character),
  )
}

function unicodeEscape(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}
