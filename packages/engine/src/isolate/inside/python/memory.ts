/** The memory of the interpreter, accessed from outside: numbers, texts, and the limit for its growth. */
import { decodeUtf8, encodeUtf8 } from '@siplet/sipmsg'
import { IsolateEnd } from '../batch-runner.ts'

export interface WasmMemory {
  readonly buffer: ArrayBuffer
  grow(pages: number): number
}

const PAGE = 65_536
const { fromCharCode } = String

export class Memory {
  readonly #memory: WasmMemory
  readonly #limit: number
  #buffer: ArrayBuffer
  #bytes: Uint8Array
  #words: Int32Array
  readonly #double = new Float64Array(1)
  readonly #doubleWords = new Int32Array(this.#double.buffer)

  /** @param limit maximum size of the memory in bytes; the initial size is always allowed */
  constructor(memory: WasmMemory, limit: number) {
    this.#memory = memory
    this.#limit = Math.max(limit, memory.buffer.byteLength)
    this.#buffer = memory.buffer
    this.#bytes = new Uint8Array(this.#buffer)
    this.#words = new Int32Array(this.#buffer)
  }

  get size(): number {
    return this.#memory.buffer.byteLength
  }

  /** View of the current memory. Growing replaces the buffer. */
  get bytes(): Uint8Array {
    if (this.#buffer !== this.#memory.buffer) this.#view()
    return this.#bytes
  }

  get words(): Int32Array {
    if (this.#buffer !== this.#memory.buffer) this.#view()
    return this.#words
  }

  /**
   * Grows the memory to at least `size` bytes. Adds some reserve, because growing is expensive.
   *
   * @throws IsolateEnd if the limit is exceeded, so that the script cannot continue after a MemoryError
   */
  grow(size: number): boolean {
    if (size > this.#limit) throw new IsolateEnd(MEMORY_LIMIT)
    const wanted = Math.min(this.#limit, Math.max(size, this.size * 1.2))
    this.#memory.grow(Math.ceil(wanted / PAGE) - this.size / PAGE)
    return true
  }

  /** Returns `length` bytes as one-byte text. */
  oneByteText(at: number, length: number): string {
    const { bytes } = this
    let text = ''
    // Passes a limited number of arguments at a time, which fits any stack.
    for (let end = at + length; at < end; at += 4_096) {
      text += fromCharCode.apply(null, bytes.subarray(at, Math.min(at + 4_096, end)) as unknown as number[])
    }
    return text
  }

  text(at: number, length: number): string {
    return decodeUtf8(this.oneByteText(at, length))
  }

  /** Returns the text up to the next NUL. */
  cText(at: number): string {
    const end = this.bytes.indexOf(0, at)
    return end === -1 ? '' : this.text(at, end - at)
  }

  /** Writes one-byte text, followed by a NUL. */
  writeOneByteText(at: number, text: string): void {
    const { bytes } = this
    for (let i = 0; i < text.length; i++) bytes[at + i] = text.charCodeAt(i)
    bytes[at + text.length] = 0
  }

  writeCText(at: number, text: string): void {
    this.writeOneByteText(at, encodeUtf8(text))
  }

  writeInt64(at: number, value: number): void {
    this.words[at >> 2] = (value % 2 ** 32) | 0
    this.words[(at >> 2) + 1] = Math.floor(value / 2 ** 32)
  }

  /** The compiler aligns doubles to four bytes only. */
  double(at: number): number {
    this.#doubleWords[0] = this.words[at >> 2]!
    this.#doubleWords[1] = this.words[(at >> 2) + 1]!
    return this.#double[0]!
  }

  #view(): void {
    this.#buffer = this.#memory.buffer
    this.#bytes = new Uint8Array(this.#buffer)
    this.#words = new Int32Array(this.#buffer)
  }
}

/** isolate/host/isolate-child.ts recognises the memory limit by this text. */
const MEMORY_LIMIT = 'memory limit of the interpreter'
