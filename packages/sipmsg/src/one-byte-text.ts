/**
 * One-byte text: a string in which every char code 0..255 stands for one byte. Offsets in it are byte offsets,
 * nothing is lost, and V8 searches and slices it faster than it does a Uint8Array.
 */

/** Arguments of one String.fromCharCode call; well below what engines take. */
const CHUNK = 8_192

/** Bytes as one-byte text. */
export function toText(bytes: Uint8Array): string {
  // Node's Buffer has this in native code; elsewhere (browsers, isolates) it is done by hand.
  const { latin1Slice } = bytes as { latin1Slice?: (start: number, end: number) => string }
  if (latin1Slice !== undefined) return latin1Slice.call(bytes, 0, bytes.length)
  let text = ''
  for (let at = 0; at < bytes.length; at += CHUNK) {
    text += String.fromCharCode(...bytes.subarray(at, at + CHUNK))
  }
  return text
}

/** One-byte text as bytes. */
export function toBytes(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length)
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i)
  return bytes
}
