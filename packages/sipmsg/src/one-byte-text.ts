/**
 * One-byte text: a string in which each char code 0..255 stands for one byte. Offsets in it are byte offsets, and no
 * byte is lost. V8 searches and slices a string faster than a Uint8Array.
 */

/** Number of arguments of one String.fromCharCode call, well below the limits of JavaScript engines. */
const CHUNK = 8_192

/** Returns bytes as one-byte text. */
export function toText(bytes: Uint8Array): string {
  // Node's Buffer does this in native code. In browsers and isolates, JavaScript does it.
  const { latin1Slice } = bytes as { latin1Slice?: (start: number, end: number) => string }
  if (latin1Slice !== undefined) return latin1Slice.call(bytes, 0, bytes.length)
  let text = ''
  for (let at = 0; at < bytes.length; at += CHUNK) {
    text += String.fromCharCode(...bytes.subarray(at, at + CHUNK))
  }
  return text
}

/** Returns one-byte text as bytes. */
export function toBytes(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length)
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i)
  return bytes
}
