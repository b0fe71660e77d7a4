/** A capture file, compressed or not, as a stream of frames. Memory does not grow with the file: one chunk, and one record. */
import { createReadStream } from 'node:fs'
import { pipeline, type Readable, type Transform } from 'node:stream'
import { createGunzip, createZstdDecompress } from 'node:zlib'
import { CaptureError } from './errors.ts'
import type { Frame, FrameFormat } from './frame.ts'
import { PcapFormat } from './pcap.ts'
import { PcapngFormat } from './pcapng.ts'

const CHUNK_BYTES = 1_024 * 1_024
const MAGIC_LENGTH = 4
const GZIP_MAGIC = 0x1f8b
const ZSTD_MAGIC = 0x28b52ffd
/** A request line or a status line (RFC 3261 7.1, 7.2). */
const SIP_MESSAGE = /^(?:[\w.!%*+`'~-]+ \S+ SIP\/2\.0|SIP\/2\.0 \d{3} )/
/** To tell one: bytes. */
const SIP_MESSAGE_BYTES = 1_024
/** The path that stands for stdin. */
export const STDIN = '-'

/** Where a capture ended before its end: everything in front of it was delivered. */
export interface Truncation {
  /** Offset of the record that could not be read, in what a compressed file was decompressed to: bytes. */
  offset: number
  reason: string
}

export interface CaptureFileEvents {
  /** Bytes of the file read so far, as they stand in the file: for progress. */
  onBytes?(total: number): void
  onTruncated(truncation: Truncation): void
}

/**
 * The frames of a pcap or pcapng file, which may be compressed with gzip or Zstandard; as many at a time as one chunk
 * held, at least one.
 *
 * @param path `-` is stdin
 * @throws CaptureError ERR_SIPLET_CAPTURE_NOT_FOUND, ERR_SIPLET_CAPTURE_FORMAT
 */
export async function* readFrames(
  path: string,
  events: CaptureFileEvents,
  chunkBytes = CHUNK_BYTES,
): AsyncGenerator<Frame[]> {
  let rest: Buffer = Buffer.alloc(0)
  let format: FrameFormat | undefined
  /** Offset in the file of rest[0]. */
  let offset = 0
  let total = 0
  let damage: string | undefined
  const told = (bytes: number) => events.onBytes?.(bytes)
  const damaged = (reason: string) => {
    damage = reason
  }
  for await (const chunk of chunks(path, chunkBytes, told, damaged)) {
    total += chunk.length
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
    if (format === undefined) {
      if (rest.length < MAGIC_LENGTH) continue
      format = detect(path, rest)
    }
    const frames: Frame[] = []
    let at = 0
    for (;;) {
      const end = format.read(rest, at, frames)
      if (end === 'incomplete') break
      if (typeof end === 'object') {
        if (frames.length > 0) yield frames
        events.onTruncated({ offset: offset + at, reason: end.corrupt })
        return
      }
      at = end
    }
    rest = rest.subarray(at)
    offset += at
    if (frames.length > 0) yield frames
  }
  if (format === undefined) {
    throw new CaptureError(
      'ERR_SIPLET_CAPTURE_FORMAT',
      `${named(path)} is not a capture: ${damage ?? (total === 0 ? 'it is empty' : `it has ${total} bytes only`)}`,
    )
  }
  if (damage !== undefined) events.onTruncated({ offset, reason: damage })
  else if (rest.length > 0) {
    events.onTruncated({
      offset,
      reason: `the file ends within a record, ${rest.length} bytes after its start`,
    })
  }
}

/** Whether a file that begins with these bytes is a capture, or a compressed file, which may be one. */
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
 * @param onBytes told the bytes read so far
 * @param onDamage told where decompression ends before its end
 */
async function* chunks(
  path: string,
  chunkBytes: number,
  onBytes: (total: number) => void,
  onDamage: (reason: string) => void,
): AsyncGenerator<Buffer> {
  let total = 0
  let failure: unknown
  const file: Readable =
    path === STDIN ? process.stdin : createReadStream(path, { highWaterMark: chunkBytes })
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
    // Whoever reads may have enough before the end.
    file.destroy()
  }
}

/** From a pipe, a chunk may be a single byte. */
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
