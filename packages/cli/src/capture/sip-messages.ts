/** Reads the SIP messages of captures in the order in which they were captured. */
import type { CaptureStats } from './capture-stats.ts'
import type { CapturedMessage } from './captured-message.ts'
import { Dissector } from './dissector.ts'
import { readFramesByTime } from './frames-by-time.ts'

export interface ReadOptions {
  /** Called with the number of bytes read from all captures so far; for compressed captures, bytes of the file. */
  onBytes?(total: number): void
  /** Whether messages keep their {@link CapturedMessage.origin}. This holds memory as long as the messages are held. */
  keepFrames?: boolean
  /** Ends the captures early, also while bytes are awaited. */
  signal?: AbortSignal
}

/**
 * Yields all messages of one chunk of a file at a time. SIP is recognised by its content, whatever the ports are.
 * Everything left out is counted in `stats`. Several captures are merged by time, and connections continue from one to
 * the next.
 *
 * @param captures path or paths of files; `-` is stdin
 * @throws CaptureError ERR_SIPLET_CAPTURE_NOT_FOUND, ERR_SIPLET_CAPTURE_FORMAT; the messages of all usable captures
 * have been yielded by then
 */
export async function* readSIPMessages(
  captures: string | readonly string[],
  stats: CaptureStats,
  { onBytes, keepFrames = false, signal }: ReadOptions = {},
): AsyncGenerator<CapturedMessage[]> {
  const dissector = new Dissector(stats, keepFrames)
  const events = {
    onBytes(count: number) {
      stats.bytes += count
      onBytes?.(stats.bytes)
    },
    onTruncated(file: string, truncation: { offset: number; reason: string }) {
      stats.truncated[file] = truncation
    },
  }
  let failure: { error: unknown } | undefined
  try {
    for await (const { file, frames } of readFramesByTime([captures].flat(), events, signal)) {
      stats.frames += frames.length
      const messages = dissector.read(file, frames)
      if (messages.length > 0) yield messages
    }
  } catch (error) {
    failure = { error }
  }
  const rest = dissector.end()
  if (rest.length > 0) yield rest
  if (failure !== undefined) throw failure.error
}
