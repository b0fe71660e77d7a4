/**
 * Converts values between Python and JavaScript, in the three words in which the WebAssembly build passes a value.
 * Only plain values cross. All other Python values arrive as OTHER, and no JavaScript object is ever passed to
 * Python.
 */
import { encodeUtf8 } from '@siplet/sipmsg'
import type { Memory } from './memory.ts'

/** Stands for a Python value that is not plain: an object, a function, bytes. */
const OTHER = Symbol('other')
/** Stands for a Python exception that Python code did not catch. */
export const RAISED = Symbol('raised')

export type FromPython = string | number | boolean | null | typeof OTHER | typeof RAISED

/** One-byte text that becomes a Python str of exactly these bytes, whether they are UTF-8 or not. */
export class RawBytes {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}

/** Values that can be passed to Python. Numbers are 32-bit integers. */
export type ToPython = string | number | boolean | null | RawBytes

/** Size of a value in bytes. */
export const VALUE_SIZE = 12

/** Numbers of the kinds of values that come from Python, as defined by the build. */
const FROM = { exception: -1, none: 1, bool: 2, int: 3, float: 4, str: 5, callable: 6, object: 8 }
/** Numbers of the kinds of values that are passed to Python. */
const TO = { none: 1, bool: 2, int: 3, str: 5, object: 7 }

/** The C functions that the conversion needs. */
export interface ValueExports {
  malloc(size: number): number
  free(pointer: number): void
  proxy_c_free_obj(reference: number): void
}

export function readValue(memory: Memory, exports: ValueExports, at: number): FromPython {
  const { words } = memory
  const word = at >> 2
  const first = words[word + 1]!
  switch (words[word]) {
    case FROM.none:
      return null
    case FROM.bool:
      return first !== 0
    case FROM.int:
      return first
    case FROM.float:
      return memory.double(at + 4)
    case FROM.str:
      return memory.text(words[word + 2]!, first)
    case FROM.exception:
      exports.free(words[word + 2]!)
      return RAISED
  }
  if (words[word]! >= FROM.callable && words[word]! <= FROM.object) exports.proxy_c_free_obj(first)
  return OTHER
}

/** Returns the reference of an object or function. The reference is valid until proxy_c_free_obj. */
export function readReference(memory: Memory, at: number): number | undefined {
  const kind = memory.words[at >> 2]!
  return kind >= FROM.callable && kind <= FROM.object ? memory.words[(at >> 2) + 1]! : undefined
}

export function writeValue(memory: Memory, exports: ValueExports, at: number, value: ToPython): void {
  if (value === null) set(memory, at, TO.none, 0, 0)
  else if (typeof value === 'boolean') set(memory, at, TO.bool, Number(value), 0)
  else if (typeof value === 'number') set(memory, at, TO.int, value, 0)
  else {
    const bytes = typeof value === 'string' ? encodeUtf8(value) : value.text
    const text = exports.malloc(bytes.length + 1)
    memory.writeOneByteText(text, bytes)
    set(memory, at, TO.str, bytes.length, text)
  }
}

/** Writes the number of a function of function-table.ts. */
export function writeFunction(memory: Memory, at: number, number: number): void {
  set(memory, at, TO.object, number, 0)
}

function set(memory: Memory, at: number, kind: number, first: number, second: number): void {
  const { words } = memory
  words[at >> 2] = kind
  words[(at >> 2) + 1] = first
  words[(at >> 2) + 2] = second
}
