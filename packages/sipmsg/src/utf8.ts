/**
 * Converts UTF-8 (RFC 3629) between one-byte text and strings. Written by hand, because an isolate has no TextDecoder.
 * The results equal those of the WHATWG decoder and encoder, including replacement characters.
 */
const NOT_ASCII = /[^\x00-\x7f]/

/** Decodes UTF-8 in one-byte text into a string. Bytes that are not valid UTF-8 become U+FFFD. Never throws. */
export function decodeUtf8(text: string): string {
  const first = text.search(NOT_ASCII)
  if (first === -1) return text
  let result = text.slice(0, first)
  for (let at = first; at < text.length; ) {
    const lead = text.charCodeAt(at++)
    if (lead < 0x80) {
      result += String.fromCharCode(lead)
      continue
    }
    const length =
      lead >= 0xc2 && lead <= 0xdf
        ? 1
        : lead >= 0xe0 && lead <= 0xef
          ? 2
          : lead >= 0xf0 && lead <= 0xf4
            ? 3
            : 0
    if (length === 0) {
      result += '\ufffd'
      continue
    }
    // The range of the second byte rules out overlong forms, surrogates and code points beyond U+10FFFF.
    let low = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80
    let high = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf
    let point = lead & (0x3f >> length)
    let needed = length
    while (needed > 0) {
      const byte = at < text.length ? text.charCodeAt(at) : -1
      if (byte < low || byte > high) break
      point = (point << 6) | (byte & 0x3f)
      low = 0x80
      high = 0xbf
      at++
      needed--
    }
    result += needed === 0 ? String.fromCodePoint(point) : '\ufffd'
  }
  return result
}

/** Encodes a string as UTF-8 in one-byte text. Lone surrogates become U+FFFD. */
export function encodeUtf8(text: string): string {
  const first = text.search(NOT_ASCII)
  if (first === -1) return text
  let result = text.slice(0, first)
  for (const character of text.slice(first)) {
    let point = character.codePointAt(0)!
    if (point >= 0xd800 && point <= 0xdfff) point = 0xfffd
    if (point < 0x80) result += character
    else if (point < 0x800) result += String.fromCharCode(0xc0 | (point >> 6), tail(point))
    else if (point < 0x10000)
      result += String.fromCharCode(0xe0 | (point >> 12), tail(point >> 6), tail(point))
    else result += String.fromCharCode(0xf0 | (point >> 18), tail(point >> 12), tail(point >> 6), tail(point))
  }
  return result
}

function tail(bits: number): number {
  return 0x80 | (bits & 0x3f)
}
