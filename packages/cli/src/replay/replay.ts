/** The messages of captures through the script: many under way at once, answers in capture order. */
import type { Engine, ExecResult } from '@siplet/engine'
import { SIPMessage } from '@siplet/sipmsg'
import { type CapturedMessage, type CaptureStats, readSIPMessages } from '../capture/index.ts'

/** Messages handed to the engine in one go; as many again are under way while these are awaited. */
const SLICE = 512

export interface ReplayOptions {
  captures: readonly string[]
  requestMethod: string
  /** Null: replies are passed over. */
  replyMethod: string | null
  /** Second argument of the methods. */
  extraArgs?: string | undefined
  /** Messages, at most. */
  limit: number
  /** Ends the replay early; what is under way is still answered. */
  signal?: AbortSignal
  /** Told when messages are left over, for the limit or the signal. */
  onEndedEarly?(): void
  /** Told the bytes of all captures read so far. */
  onBytes?(total: number): void
}

export interface ReplayedMessage {
  readonly captured: CapturedMessage
  /** As captured. */
  readonly message: SIPMessage
  /** The method that was called; null where none was. */
  readonly exec: string | null
  /** Null where no method was called. */
  readonly result: ExecResult | null
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
    for await (const slice of slices(stats, options)) {
      const next = Promise.all(slice.map((captured) => execute(engine, captured, options)))
      if (underWay !== undefined) yield await underWay
      underWay = next
    }
  } catch (error) {
    failure = { error }
  }
  if (underWay !== undefined) yield await underWay
  if (failure !== undefined) throw failure.error
}

async function* slices(stats: CaptureStats, options: ReplayOptions): AsyncGenerator<CapturedMessage[]> {
  const { captures, limit, signal, onBytes, onEndedEarly } = options
  let left = limit
  for await (const messages of readSIPMessages(captures, stats, onBytes ? { onBytes } : {})) {
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

async function execute(
  engine: Engine,
  captured: CapturedMessage,
  options: ReplayOptions,
): Promise<ReplayedMessage> {
  const message = new SIPMessage(captured.bytes)
  const method = message.isRequest ? options.requestMethod : options.replyMethod
  if (method === null || message.truncatedIn === 'head')
    return { captured, message, exec: null, result: null }
  const { src, dst } = captured
  const extra = options.extraArgs === undefined ? {} : { extraArgs: options.extraArgs }
  const result = await engine.exec(method, captured.bytes, { src, dst, ...extra })
  return { captured, message, exec: method, result }
}
