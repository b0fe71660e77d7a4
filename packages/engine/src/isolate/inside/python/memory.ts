/** The interpreter's memory, seen from outside: numbers, texts, and the limit it may grow to. */
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

  /** @param limit what the memory may grow to: bytes. What it begins with is never too much. */
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

  /** Of the memory as it is now: growing replaces its buffer. */
  get bytes(): Uint8Array {
    if (this.#buffer !== this.#memory.buffer) this.#view()
    return this.#bytes
  }

  get words(): Int32Array {
    if (this.#buffer !== this.#memory.buffer) this.#view()
    return this.#words
  }

  /**
   * Grows to at least `size` bytes, and somewhat more: growing is not cheap.
   *
   * @throws IsolateEnd beyond the limit, whatever the script would do about a MemoryError
   */
  grow(size: number): boolean {
    if (size > this.#limit) throw new IsolateEnd(MEMORY_LIMIT)
    const wanted = Math.min(this.#limit, Math.max(size, this.size * 1.2))
    this.#memory.grow(Math.ceil(wanted / PAGE) - this.size / PAGE)
    return true
  }

  /** One-byte text of `length` bytes. */
  oneByteText(at: number, length: number): string {
    const { bytes } = this
    let text = ''
    // As many arguments as any stack takes.
    for (let end = at + length; at < end; at += 4_096) {
      text += fromCharCode.apply(null, bytes.subarray(at, Math.min(at + 4_096, end)) as unknown as number[])
    }
    return text
  }

  text(at: number, length: number): string {
    return decodeUtf8(this.oneByteText(at, length))
  }

  /** A text that ends with a NUL. */
  cText(at: number): string {
    const end = this.bytes.indexOf(0, at)
    return end === -1 ? '' : this.text(at, end - at)
  }

  /** Writes one-byte text, and a NUL behind it. */
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

  /** The compiler aligns these to four bytes only. */
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

/** In these words isolate/host/child.ts knows the end by memory limit. */
const MEMORY_LIMIT = 'memory limit of the interpreter'
