/** Methods as strings. */

/** Methods of RFC 3261 and its extensions (RFC 3262, 3311, 3428, 3515, 3903, 6086, 6665). */
const METHODS = [
  ...['INVITE', 'ACK', 'BYE', 'CANCEL', 'OPTIONS', 'REGISTER', 'PRACK', 'UPDATE', 'INFO'],
  ...['SUBSCRIBE', 'NOTIFY', 'REFER', 'MESSAGE', 'PUBLISH'],
]

const LENGTHS = 16
/** By first letter and length. No two methods have both in common. */
const TABLE: (string | undefined)[] = new Array(32 * LENGTHS).fill(undefined)
for (const method of METHODS) TABLE[place(method, 0, method.length)] = method

/**
 * Returns the method text[start..end) as written. A known method is always the same string object, so comparing it or
 * looking it up needs no hash of a new slice.
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
