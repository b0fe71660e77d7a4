/** The messages of captures through the script: many under way at once, answers in capture order. */
import type { Engine } from '@siplet/engine'
import { SIPMessage } from '@siplet/sipmsg'
import { type CapturedMessage, type CaptureStats, readSIPMessages } from '../capture/index.ts'
import type { FunctionCalls } from '../script-functions.ts'
import type { MessageFilter } from './message-filter.ts'
import { paced } from './pace.ts'
import { ReplayedMessage } from './replayed-message.ts'
import type { Retransmissions } from './retransmissions.ts'

/** Messages handed to the engine in one go; as many again are under way while these are awaited. */
const SLICE = 512

export interface ReplayOptions {
  captures: readonly string[]
  requestMethod: string
  /** Null: replies are passed over. */
  replyMethod: string | null
  /** Second argument of the methods. */
  extraArgs?: string | undefined
  /** Messages it does not match are passed over: not run, or where it asks for decisions, run and not yielded. */
  filter?: MessageFilter | undefined
  /** Passes retransmissions over. */
  retransmissions?: Retransmissions | undefined
  /** Times the speed of the capture; without it, as fast as the script goes. */
  speed?: number | undefined
  /** Whether captured messages come with the frames they were captured in. */
  keepFrames?: boolean
  /** Told the messages that were passed over. */
  onPassedOver?(why: 'filter' | 'retransmission', count: number): void
  /** Messages, at most. */
  limit: number
  /** Ends the replay early; what is under way is still answered. */
  signal?: AbortSignal
  /** Told when messages are left over, for the limit or the signal. */
  onEndedEarly?(): void
  /** Told the bytes of all captures read so far. */
  onBytes?(total: number): void
}

/**
 * Replays the captures, merged by time. Messages that end within their head are not executed, nor are replies
 * without a reply method.
 *
 * @throws CaptureError where a capture cannot be used; all messages before it have been yielded then
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
      // The next slice may be a long time off.
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

/** What is to be run of these. */
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

/** What is to be told of these. */
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
