/** Header values as strings. */
import { unfold } from './scan.ts'
import { decodeUtf8 } from './utf8.ts'

const FOLD_OR_NOT_ASCII = /[\n\x80-\xff]/

/** Returns text[start..end) as a string: unfolded and decoded from UTF-8. Invalid bytes become U+FFFD. */
export function textAt(text: string, start: number, end: number): string {
  const value = text.slice(start, end)
  return FOLD_OR_NOT_ASCII.test(value) ? decodeUtf8(unfold(value)) : value
}
