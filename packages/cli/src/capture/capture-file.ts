/** A capture file as a stream of frames. Memory does not grow with the file: one chunk, and one record. */
import { createReadStream } from 'node:fs'
import { CaptureError } from './errors.ts'
import type { Frame, FrameFormat } from './frame.ts'
import { PcapFormat } from './pcap.ts'
import { PcapngFormat } from './pcapng.ts'

const CHUNK_BYTES = 1_024 * 1_024
const MAGIC_LENGTH = 4

/** Where a capture ended before its end: everything in front of it was delivered. */
export interface Truncation {
  /** Offset in the file of the record that could not be read: bytes. */
  offset: number
  reason: string
}

export interface CaptureFileEvents {
  /** Bytes of the file read so far, for progress. */
  onBytes?(total: number): void
  onTruncated(truncation: Truncation): void
}

/**
 * The frames of a pcap or pcapng file, as many at a time as one chunk held.
 *
 * @throws CaptureError ERR_SIPLET_CAPTURE_NOT_FOUND, ERR_SIPLET_CAPTURE_FORMAT
 */
export async function* readFrames(path: string, events: CaptureFileEvents): AsyncGenerator<Frame[]> {
  let rest: Buffer = Buffer.alloc(0)
  let format: FrameFormat | undefined
  /** Offset in the file of rest[0]. */
  let offset = 0
  let total = 0
  for await (const chunk of chunks(path)) {
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
    events.onBytes?.(total)
    if (frames.length > 0) yield frames
  }
  if (format === undefined) {
    throw new CaptureError(
      'ERR_SIPLET_CAPTURE_FORMAT',
      `${path} is not a capture: ${total === 0 ? 'it is empty' : `it has ${total} bytes only`}`,
    )
  }
  if (rest.length > 0) {
    events.onTruncated({
      offset,
      reason: `the file ends within a record, ${rest.length} bytes after its start`,
    })
  }
}

function detect(path: string, bytes: Buffer): FrameFormat {
  const format = PcapFormat.detect(bytes) ?? PcapngFormat.detect(bytes)
  if (format !== undefined) return format
  const magic = bytes.toString('hex', 0, MAGIC_LENGTH)
  throw new CaptureError(
    'ERR_SIPLET_CAPTURE_FORMAT',
    `${path} is neither pcap nor pcapng: it begins with the bytes ${magic}; convert it with editcap`,
  )
}

async function* chunks(path: string): AsyncGenerator<Buffer> {
  try {
    yield* createReadStream(path, { highWaterMark: CHUNK_BYTES }) as AsyncIterable<Buffer>
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    const reason =
      { ENOENT: 'there is no such file', EISDIR: 'it is a directory', EACCES: 'permission denied' }[
        code ?? ''
      ] ?? String(cause)
    throw new CaptureError('ERR_SIPLET_CAPTURE_NOT_FOUND', `capture ${path} cannot be read: ${reason}`, {
      cause,
    })
  }
}
