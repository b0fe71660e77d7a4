/** Methods as strings. */

/** Those of RFC 3261 and its extensions (RFC 3262, 3311, 3428, 3515, 3903, 6086, 6665). */
const METHODS = [
  ...['INVITE', 'ACK', 'BYE', 'CANCEL', 'OPTIONS', 'REGISTER', 'PRACK', 'UPDATE', 'INFO'],
  ...['SUBSCRIBE', 'NOTIFY', 'REFER', 'MESSAGE', 'PUBLISH'],
]

const LENGTHS = 16
/** By first letter and length, which tell them apart. */
const TABLE: (string | undefined)[] = new Array(32 * LENGTHS).fill(undefined)
for (const method of METHODS) TABLE[place(method, 0, method.length)] = method

/**
 * The method text[start..end), as written. Known ones are always the same string: whoever compares it with another, or
 * looks it up, need not hash a slice for that.
 */
export function methodAt(text: string, start: number, end: number): string {
  if (end - start < LENGTHS) {
    const known = TABLE[place(text, start, end)]
    if (known !== undefined && text.startsWith(known, start)) return known
  }
  return text.slice(start, end)
}

function place(text: string, start: number, end: number): number {
  return LENGTHS * (text.charCodeAt(start) & 31) + end - start
}
