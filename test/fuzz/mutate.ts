/** Mutations of messages. */

import type { Random } from './random.ts'

/** Bytes and words that have a meaning for a parser. */
const WORDS = [
  '\r\n',
  '\n',
  '\r',
  '\r\n\r\n',
  '\r\n ',
  '\t',
  ' ',
  ':',
  ';',
  ',',
  '=',
  '"',
  '\\',
  '<',
  '>',
  '(',
  ')',
  '[',
  ']',
  '@',
  '?',
  '%',
  '%00',
  '/',
  '*',
  '\0',
  '\xff',
  '\xc3',
  'SIP/2.0',
  'sip:',
  'sips:',
  'tel:',
  'Via: ',
  'v:',
  'Content-Length: ',
  'l: 5\r\n',
  'Contact: *',
  ';branch=z9hG4bK',
  ';tag=',
  ';rport',
  '99999999999999999999',
  '-1',
  '0',
  '[::1]',
  '""',
  '<>',
  ';;',
  ',,',
]

const MUTATIONS: ((bytes: Buffer, random: Random, seeds: readonly Buffer[]) => Buffer)[] = [
  function flipByte(bytes, random) {
    const copy = Buffer.from(bytes)
    copy[random(copy.length - 1)] = random(255)
    return copy
  },
  function insertWord(bytes, random) {
    return splice(bytes, random(bytes.length), 0, Buffer.from(WORDS[random(WORDS.length - 1)]!, 'latin1'))
  },
  function replaceWithWord(bytes, random) {
    return splice(
      bytes,
      random(bytes.length),
      random(8),
      Buffer.from(WORDS[random(WORDS.length - 1)]!, 'latin1'),
    )
  },
  function remove(bytes, random) {
    return splice(bytes, random(bytes.length), random(30), Buffer.alloc(0))
  },
  function repeat(bytes, random) {
    const start = random(bytes.length)
    const part = bytes.subarray(start, start + random(60))
    return splice(bytes, start, 0, Buffer.concat(Array.from({ length: random(20) }, () => part)))
  },
  function cut(bytes, random) {
    return bytes.subarray(0, random(bytes.length))
  },
  function swapLines(bytes, random) {
    const lines = bytes.toString('latin1').split('\r\n')
    const [a, b] = [random(lines.length - 1), random(lines.length - 1)]
    ;[lines[a], lines[b]] = [lines[b]!, lines[a]!]
    return Buffer.from(lines.join('\r\n'), 'latin1')
  },
  function partOfAnother(bytes, random, seeds) {
    const other = seeds[random(seeds.length - 1)]!
    const start = random(other.length)
    return splice(bytes, random(bytes.length), random(20), other.subarray(start, start + random(120)))
  },
]

/** Returns one of the messages with one to six mutations. */
export function mutate(seeds: readonly Buffer[], random: Random): Uint8Array {
  let bytes = seeds[random(seeds.length - 1)]!
  for (let count = random(5); count >= 0 && bytes.length > 0; count--) {
    bytes = MUTATIONS[random(MUTATIONS.length - 1)]!(bytes, random, seeds)
  }
  return bytes
}

function splice(bytes: Buffer, start: number, length: number, inserted: Buffer): Buffer {
  return Buffer.concat([bytes.subarray(0, start), inserted, bytes.subarray(start + length)])
}
