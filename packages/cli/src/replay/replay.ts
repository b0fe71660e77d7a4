/** Runs the messages of captures through the script: many at a time, with results in capture order. */
import type { Engine } from '@siplet/engine'
import { SIPMessage } from '@siplet/sipmsg'
import { type CapturedMessage, type CaptureStats, readSIPMessages } from '../capture/index.ts'
import type { FunctionCalls } from '../script-functions.ts'
import type { MessageFilter } from './message-filter.ts'
import { paced } from './pace.ts'
import { ReplayedMessage } from './replayed-message.ts'
import type { Retransmissions } from './retransmissions.ts'

/**
 * Number of messages that are handed to the engine at once. The next slice runs while the results of this one are
 * awaited.
 */
const SLICE = 512

export interface ReplayOptions {
  captures: readonly string[]
  requestMethod: string
  /** Null means that replies are skipped. */
  replyMethod: string | null
  /** Second argument of the methods. */
  extraArgs?: string | undefined
  /** Messages that do not match are skipped. If the filter uses decisions, they are run but not yielded. */
  filter?: MessageFilter | undefined
  /** If given, retransmissions are skipped. */
  retransmissions?: Retransmissions | undefined
  /** Multiple of the capture's own speed. If it is missing, the replay runs as fast as the script allows. */
  speed?: number | undefined
  /** Whether captured messages keep the frames in which they were captured. */
  keepFrames?: boolean
  /** Called with the number of messages that were skipped. */
  onPassedOver?(why: 'filter' | 'retransmission', count: number): void
  /** Upper bound on the number of messages. */
  limit: number
  /** Ends the replay early. Messages that already run are still answered. */
  signal?: AbortSignal
  /** Called if messages are left over because of the limit or the signal. */
  onEndedEarly?(): void
  /** Called with the number of bytes read from all captures so far. */
  onBytes?(total: number): void
}

/**
 * Replays the captures, merged by time. Messages that end within their head are not run, nor are replies without a
 * reply method.
 *
 * @throws CaptureError if a capture cannot be used; all messages before it have been yielded by then
 */
export async function* replay(
  engine: Engine,
  stats: CaptureStats,
  options: ReplayOptions,
): AsyncGenerator<ReplayedMessage[]> {
  let underWay: Promise<ReplayedMessage[]> | undefined
  let failure: { error: unknown } | undefined
  try {
    const { speed, signal } = options
    const messages =
      speed === undefined ? slices(stats, options) : paced(slices(stats, options), speed, signal)
    for await (const slice of messages) {
      const next = Promise.all(slice.map((captured) => execute(engine, captured, options)))
      if (underWay !== undefined) yield matching(await underWay, options)
      underWay = next
      if (speed === undefined) continue
      // Do not hold these back: at capture speed, the next slice may take a long time.
      yield matching(await underWay, options)
      underWay = undefined
    }
    if (signal?.aborted) options.onEndedEarly?.()
  } catch (error) {
    failure = { error }
  }
  if (underWay !== undefined) yield matching(await underWay, options)
  if (failure !== undefined) throw failure.error
}

async function* slices(stats: CaptureStats, options: ReplayOptions): AsyncGenerator<CapturedMessage[]> {
  const { captures, limit, signal, onBytes, onEndedEarly, keepFrames = false } = options
  let left = limit
  const reading = { keepFrames, ...(onBytes && { onBytes }) }
  for await (const all of readSIPMessages(captures, stats, reading)) {
    const messages = chosen(all, options)
    for (let at = 0; at < messages.length; ) {
      if (signal?.aborted || left === 0) {
        onEndedEarly?.()
        return
      }
      const slice = messages.slice(at, at + Math.min(SLICE, left))
      at += slice.length
      left -= slice.length
      yield slice
    }
  }
}

/** Returns the messages that are to be run. */
function chosen(
  captured: CapturedMessage[],
  { filter, retransmissions, onPassedOver }: ReplayOptions,
): CapturedMessage[] {
  const first = retransmissions ? captured.filter((one) => !retransmissions.isRepeated(one)) : captured
  onPassedOver?.('retransmission', captured.length - first.length)
  if (filter === undefined || filter.afterwards) return first
  const matching = first.filter((one) => filter.matchesCaptured(one))
  onPassedOver?.('filter', first.length - matching.length)
  return matching
}

/** Returns the messages that are to be reported. */
function matching(replayed: ReplayedMessage[], { filter, onPassedOver }: ReplayOptions): ReplayedMessage[] {
  if (!filter?.afterwards) return replayed
  const matching = replayed.filter((one) => filter.matchesReplayed(one))
  onPassedOver?.('filter', replayed.length - matching.length)
  return matching
}

async function execute(
  engine: Engine,
  captured: CapturedMessage,
  options: ReplayOptions,
): Promise<ReplayedMessage> {
  const message = new SIPMessage(captured.bytes)
  const method = message.isRequest ? options.requestMethod : options.replyMethod
  if (method === null || message.truncatedIn === 'head')
    return new ReplayedMessage({ captured, message, exec: null, result: null })
  const { src, dst } = captured
  const extra = options.extraArgs === undefined ? {} : { extraArgs: options.extraArgs }
  const functions: FunctionCalls = []
  const result = await engine.exec(method, captured.bytes, { src, dst, ...extra, context: functions })
  return new ReplayedMessage({ captured, message, exec: method, result, functions })
}
