/** Runs the messages of captures through the script: many at a time, with results in capture order. */
import { setTimeout as wait } from 'node:timers/promises'
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
/** If no message comes for this time, results are shown without waiting for it. */
const IDLE_MS = 20

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
  const stop = new AbortController()
  const signal = AbortSignal.any([stop.signal, ...(options.signal ? [options.signal] : [])])
  const { speed } = options
  const read = slices(stats, { ...options, signal })
  const source = speed === undefined ? read : paced(read, speed, signal)
  let underWay: Promise<ReplayedMessage[]> | undefined
  let failure: { error: unknown } | undefined
  try {
    let next = source.next()
    for (;;) {
      // Results do not wait for the next messages, which may take long: in a live capture, or at capture speed.
      if (underWay !== undefined && !(await isFirst(next, underWay))) {
        const finished = underWay
        underWay = undefined
        yield matching(await finished, options)
        continue
      }
      const { value: slice, done } = await next
      if (done) break
      const running = Promise.all(slice.map((captured) => execute(engine, captured, options)))
      next = source.next()
      if (underWay !== undefined) yield matching(await underWay, options)
      underWay = running
    }
    if (options.signal?.aborted) options.onEndedEarly?.()
  } catch (error) {
    failure = { error }
  } finally {
    // The consumer may stop while the next messages are awaited.
    stop.abort()
    await source.return(undefined)
  }
  if (underWay !== undefined) yield matching(await underWay, options)
  if (failure !== undefined) throw failure.error
}

/**
 * Returns whether the input has more messages before the results are there, or soon after. The next chunk of a file
 * takes a few milliseconds, and the engine must not wait for it.
 */
async function isFirst(input: Promise<unknown>, results: Promise<unknown>): Promise<boolean> {
  const more = input.then(() => true)
  if (await Promise.race([more, results.then(() => false)])) return true
  const timeout = new AbortController()
  const idle = wait(IDLE_MS, false, { signal: timeout.signal }).catch(() => false)
  return await Promise.race([more, idle]).finally(() => timeout.abort())
}

async function* slices(stats: CaptureStats, options: ReplayOptions): AsyncGenerator<CapturedMessage[]> {
  const { captures, limit, signal, onBytes, onEndedEarly, keepFrames = false } = options
  let left = limit
  const reading = { keepFrames, ...(onBytes && { onBytes }), ...(signal && { signal }) }
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
