/** Merges the frames of several captures by time. Each file is opened when its first frame is due. */
import { type CaptureFileEvents, readFrames, STDIN, type Truncation } from './capture-file.ts'
import type { Frame } from './frame.ts'

/** Number of bytes that are read to find the time of a file's first frame. */
const PEEK_BYTES = 16_384

export interface FramesEvents {
  /** Called with the number of bytes read since the last call. */
  onBytes(count: number): void
  onTruncated(file: string, truncation: Truncation): void
}

type Time = Pick<Frame, 'seconds' | 'nanos'>

interface Source {
  file: string
  /** Time of its next frame. */
  time: Time
  frames: Frame[]
  at: number
  batches: AsyncGenerator<Frame[]>
}

const NEVER: Time = { seconds: Number.POSITIVE_INFINITY, nanos: 0 }

/**
 * Yields frames of one file at a time, until another file has an earlier frame. Frames of one file keep their order,
 * whatever their times are.
 *
 * @throws CaptureError the first error, after the frames of all readable files
 */
export async function* readFramesByTime(
  files: readonly string[],
  events: FramesEvents,
  signal?: AbortSignal,
): AsyncGenerator<{ file: string; frames: Frame[] }> {
  const open = (file: string): Source => {
    const batches = readFrames(file, fileEvents(file, events), { signal })
    return { file, time: NEVER, frames: [], at: 0, batches }
  }
  if (files.length === 1) {
    const { file, batches } = open(files[0]!)
    for await (const frames of batches) yield { file, frames }
    return
  }
  const failures: unknown[] = []
  const waiting: { file: string; time: Time }[] = []
  const sources: Source[] = []
  try {
    for (const file of files) {
      try {
        // stdin can be read only once, so its first frame is not read ahead.
        if (file !== STDIN) waiting.push({ file, time: await firstTime(file) })
        else await advance(open(file), sources)
      } catch (error) {
        failures.push(error)
      }
    }
    waiting.sort((a, b) => compare(a.time, b.time))
    for (;;) {
      sources.sort((a, b) => compare(a.time, b.time))
      const [source, second] = sources
      const next = waiting[0]
      if (next !== undefined && (source === undefined || compare(next.time, source.time) <= 0)) {
        waiting.shift()
        await advance(open(next.file), sources)
        continue
      }
      if (source === undefined) break
      const limit = [second, next]
        .map((other) => other?.time ?? NEVER)
        .reduce((a, b) => (compare(a, b) <= 0 ? a : b))
      const { file, frames, at } = source
      let end = at + 1
      while (end < frames.length && compare(frames[end]!, limit) <= 0) end++
      yield { file, frames: at === 0 && end === frames.length ? frames : frames.slice(at, end) }
      source.at = end
      if (end < frames.length) source.time = frames[end]!
      else {
        sources.shift()
        await advance(source, sources)
      }
    }
  } finally {
    for (const { batches } of sources) await batches.return(undefined)
  }
  if (failures.length > 0) throw failures[0]
}

/** Reads the next frames of a source. If there are any, puts the source back among the others. */
async function advance(source: Source, sources: Source[]): Promise<void> {
  const { value, done } = await source.batches.next()
  if (done) return
  source.frames = value
  source.at = 0
  source.time = value[0]!
  sources.push(source)
}

async function firstTime(file: string): Promise<Time> {
  const silent = { onBytes() {}, onTruncated() {} }
  for await (const [frame] of readFrames(file, silent, { chunkBytes: PEEK_BYTES })) return frame!
  return NEVER
}

function compare(a: Time, b: Time): number {
  return a.seconds - b.seconds || a.nanos - b.nanos || 0
}

function fileEvents(file: string, { onBytes, onTruncated }: FramesEvents): CaptureFileEvents {
  let before = 0
  return {
    onBytes(total) {
      onBytes(total - before)
      before = total
    },
    onTruncated: (truncation) => onTruncated(file, truncation),
  }
}
