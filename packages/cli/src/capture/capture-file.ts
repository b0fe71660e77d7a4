/**
 * Reads a capture file, compressed or not, as a stream of frames. Memory does not grow with the file: it holds one
 * chunk and one record.
 */
import { createReadStream } from 'node:fs'
import { addAbortSignal, pipeline, type Readable, type Transform } from 'node:stream'
import { createGunzip, createZstdDecompress } from 'node:zlib'
import { CaptureError } from './errors.ts'
import type { Frame, FrameFormat } from './frame.ts'
import { PcapFormat } from './pcap.ts'
import { PcapngFormat } from './pcapng.ts'

const CHUNK_BYTES = 1_024 * 1_024
const MAGIC_LENGTH = 4
const GZIP_MAGIC = 0x1f8b
const ZSTD_MAGIC = 0x28b52ffd
/** A request line or a status line (RFC 3261 sections 7.1, 7.2). */
const SIP_MESSAGE = /^(?:[\w.!%*+`'~-]+ \S+ SIP\/2\.0|SIP\/2\.0 \d{3} )/
/** Number of bytes that are searched for a start line. */
const SIP_MESSAGE_BYTES = 1_024
/** The path that means stdin. */
export const STDIN = '-'

/** The place at which a capture ended too early. All frames before it were delivered. */
export interface Truncation {
  /**
   * Offset in bytes of the record that could not be read. For a compressed file, the offset in the decompressed data.
   */
  offset: number
  reason: string
}

export interface CaptureFileEvents {
  /** Called with the number of bytes of the file read so far, before decompression. For progress. */
  onBytes?(total: number): void
  onTruncated(truncation: Truncation): void
}

/**
 * Yields the frames of a pcap or pcapng file, which may be compressed with gzip or Zstandard: all frames of one chunk
 * at a time, at least one.
 *
 * @param path `-` is stdin
 * @param options `signal` ends the file early, also while bytes are awaited
 * @throws CaptureError ERR_SIPLET_CAPTURE_NOT_FOUND, ERR_SIPLET_CAPTURE_FORMAT
 */
export async function* readFrames(
  path: string,
  events: CaptureFileEvents,
  { chunkBytes = CHUNK_BYTES, signal }: { chunkBytes?: number; signal?: AbortSignal | undefined } = {},
): AsyncGenerator<Frame[]> {
  let rest: Buffer = Buffer.alloc(0)
  let format: FrameFormat | undefined
  /** Offset of rest[0] in the file. */
  let offset = 0
  /** Number of bytes of the current record that are still to be skipped. */
  let skip = 0
  let total = 0
  let damage: string | undefined
  const told = (bytes: number) => events.onBytes?.(bytes)
  const damaged = (reason: string) => {
    damage = reason
  }
  for await (const chunk of chunks(path, chunkBytes, told, damaged, signal)) {
    total += chunk.length
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
    if (format === undefined) {
      if (rest.length < MAGIC_LENGTH) continue
      format = detect(path, rest)
    }
    const frames: Frame[] = []
    let at = Math.min(skip, rest.length)
    skip -= at
    while (skip === 0) {
      const end = format.read(rest, at, frames)
      if (end === 'incomplete') break
      if (typeof end === 'object') {
        if (frames.length > 0) yield frames
        events.onTruncated({ offset: offset + at, reason: end.corrupt })
        return
      }
      at = Math.min(end, rest.length)
      skip = end - at
    }
    rest = rest.subarray(at)
    offset += at
    if (frames.length > 0) yield frames
  }
  if (signal?.aborted) return
  if (format === undefined) {
    throw new CaptureError(
      'ERR_SIPLET_CAPTURE_FORMAT',
      `${named(path)} is not a capture: ${damage ?? (total === 0 ? 'it is empty' : `it has ${total} bytes only`)}`,
    )
  }
  if (damage !== undefined) events.onTruncated({ offset, reason: damage })
  else if (rest.length > 0 || skip > 0) {
    const missing = skip > 0 ? `, ${skip} bytes before its end` : `, ${rest.length} bytes after its start`
    events.onTruncated({ offset, reason: `the file ends within a record${missing}` })
  }
}

/** Returns whether a file that begins with these bytes is a capture, or a compressed file, which may be a capture. */
export function looksLikeCapture(bytes: Buffer): boolean {
  return bytes.length >= MAGIC_LENGTH && (isCompressed(bytes) || formatOf(bytes) !== undefined)
}

function detect(path: string, bytes: Buffer): FrameFormat {
  const format = formatOf(bytes)
  if (format !== undefined) return format
  const reason = SIP_MESSAGE.test(bytes.toString('latin1', 0, SIP_MESSAGE_BYTES))
    ? 'it begins like a SIP message, which siplet exec runs'
    : `it begins with the bytes ${bytes.toString('hex', 0, MAGIC_LENGTH)}; convert it with editcap`
  throw new CaptureError('ERR_SIPLET_CAPTURE_FORMAT', `${named(path)} is neither pcap nor pcapng: ${reason}`)
}

function formatOf(bytes: Buffer): FrameFormat | undefined {
  return PcapFormat.detect(bytes) ?? PcapngFormat.detect(bytes)
}

function named(path: string): string {
  return path === STDIN ? 'stdin' : path
}

/**
 * @param onBytes called with the number of bytes read so far
 * @param onDamage called with the place at which decompression ends too early
 */
async function* chunks(
  path: string,
  chunkBytes: number,
  onBytes: (total: number) => void,
  onDamage: (reason: string) => void,
  signal: AbortSignal | undefined,
): AsyncGenerator<Buffer> {
  let total = 0
  let failure: unknown
  const file: Readable =
    path === STDIN ? process.stdin : createReadStream(path, { highWaterMark: chunkBytes })
  if (signal !== undefined) addAbortSignal(signal, file)
  const raw = (async function* () {
    try {
      for await (const chunk of file as AsyncIterable<Buffer>) {
        total += chunk.length
        onBytes(total)
        yield chunk
      }
    } catch (error) {
      failure = error
      throw error
    }
  })()
  try {
    const first = await atLeast(MAGIC_LENGTH, raw)
    const decompressor = decompressorOf(first, chunkBytes)
    if (decompressor === undefined) {
      if (first.length > 0) yield first
      yield* raw
      return
    }
    const compressed = async function* () {
      yield first
      yield* raw
    }
    try {
      yield* pipeline(compressed, decompressor, () => {}) as AsyncIterable<Buffer>
    } catch (error) {
      if (failure !== undefined) throw failure
      onDamage(`its compressed data is damaged or cut short: ${(error as Error).message}`)
    }
  } catch (cause) {
    if (signal?.aborted) return
    const { code } = cause as NodeJS.ErrnoException
    const reason =
      { ENOENT: 'there is no such file', EISDIR: 'it is a directory', EACCES: 'permission denied' }[
        code ?? ''
      ] ?? String(cause)
    throw new CaptureError(
      'ERR_SIPLET_CAPTURE_NOT_FOUND',
      `capture ${named(path)} cannot be read: ${reason}`,
      {
        cause,
      },
    )
  } finally {
    // The reader may stop before the end of the file.
    file.destroy()
  }
}

/** Collects chunks, because a chunk from a pipe may have a single byte. */
async function atLeast(length: number, chunks: AsyncGenerator<Buffer>): Promise<Buffer> {
  let bytes: Buffer = Buffer.alloc(0)
  while (bytes.length < length) {
    const { value, done } = await chunks.next()
    if (done) break
    bytes = bytes.length === 0 ? value : Buffer.concat([bytes, value])
  }
  return bytes
}

function decompressorOf(magic: Buffer, chunkSize: number): Transform | undefined {
  if (magic.length < MAGIC_LENGTH) return undefined
  if (isGzip(magic)) return createGunzip({ chunkSize })
  if (isZstd(magic)) return createZstdDecompress({ chunkSize })
  return undefined
}

function isCompressed(magic: Buffer): boolean {
  return isGzip(magic) || isZstd(magic)
}

function isGzip(magic: Buffer): boolean {
  return magic.readUInt16BE(0) === GZIP_MAGIC
}

function isZstd(magic: Buffer): boolean {
  return magic.readUInt32BE(0) === ZSTD_MAGIC
}
