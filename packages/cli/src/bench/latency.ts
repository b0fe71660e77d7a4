/**
 * Measures latency in an open loop: messages are due at a fixed rate, whether or not earlier ones are answered, and
 * time counts from when a message was due. So a pause shows in every message that it delayed (no coordinated omission).
 */
import { setImmediate } from 'node:timers/promises'
import { createEngine } from '@siplet/engine'
import * as hdr from 'hdr-histogram-js'
import type { Figures } from './figures.ts'
import type { Subject } from './subject.ts'
import { MANY } from './throughput.ts'

type Exec = () => Promise<unknown>

const SHARES = [0.1, 0.5, 0.8]
const WARM_UP_SECONDS = 0.5
const NANOSECONDS_PER_MS = 1e6

/** @param seconds duration of each row, after the capacity is measured */
export async function latency(
  { engine: options, method, message }: Subject,
  isolation: 'inline' | 'thread',
  children: number,
  seconds: number,
): Promise<Figures> {
  await using engine = await createEngine({
    ...options,
    isolation,
    children,
    affinity: 'none',
    limits: { ...options.limits, maxQueue: 1_000_000 },
  })
  const exec = () => engine.exec(method, message)
  await capacity(exec, WARM_UP_SECONDS)
  const perSecond = await capacity(exec, seconds)
  const rows = []
  for (const share of SHARES) {
    await openLoop(exec, perSecond * share, WARM_UP_SECONDS)
    const { histogram, achieved } = await openLoop(exec, perSecond * share, seconds)
    const us = (percentile: number) => histogram.getValueAtPercentile(percentile) / 1_000
    rows.push({
      name: `${100 * share} % of capacity`,
      'offered/s': perSecond * share,
      'answered/s': achieved,
      'p50 µs': us(50),
      'p99 µs': us(99),
      'p99.9 µs': us(99.9),
      'max µs': histogram.maxValue / 1_000,
    })
  }
  return {
    title: `open loop, ${isolation}, ${children} ${children === 1 ? 'child' : 'children'}`,
    columns: {
      'offered/s': 0,
      'answered/s': 0,
      'p50 µs': 0,
      'p99 µs': 0,
      'p99.9 µs': 0,
      'max µs': 0,
    },
    rows,
    note: `The capacity is ${Math.round(perSecond).toLocaleString('en')} messages a second, measured with ${MANY} always under way. Sender and engine share a thread.`,
  }
}

/**
 * Returns the messages per second of a sender that always has some in progress, and that checks for answers as often as
 * {@link openLoop}.
 */
async function capacity(exec: Exec, seconds: number): Promise<number> {
  const histogram = createHistogram()
  let underWay = 0
  let answered = 0
  const start = performance.now()
  const end = start + 1_000 * seconds
  while (performance.now() < end || underWay > 0) {
    while (underWay < MANY && performance.now() < end) {
      underWay++
      const sentAt = performance.now()
      exec().then(() => {
        underWay--
        answered++
        record(histogram, sentAt)
      })
    }
    await setImmediate()
  }
  return (1_000 * answered) / (performance.now() - start)
}

async function openLoop(
  exec: Exec,
  perSecond: number,
  seconds: number,
): Promise<{ histogram: hdr.Histogram; achieved: number }> {
  const histogram = createHistogram()
  const total = Math.round(perSecond * seconds)
  const start = performance.now()
  let answered = 0
  let sent = 0
  while (sent < total) {
    const due = Math.min(total, Math.floor(((performance.now() - start) * perSecond) / 1_000))
    while (sent < due) {
      const dueAt = start + (1_000 * sent++) / perSecond
      exec().then(() => {
        answered++
        record(histogram, dueAt)
      })
    }
    await setImmediate()
  }
  while (answered < total) await setImmediate()
  return { histogram, achieved: (1_000 * total) / (performance.now() - start) }
}

function createHistogram(): hdr.Histogram {
  return hdr.build({ highestTrackableValue: 60_000 * NANOSECONDS_PER_MS })
}

function record(histogram: hdr.Histogram, since: number): void {
  histogram.recordValue(Math.max(1, Math.round((performance.now() - since) * NANOSECONDS_PER_MS)))
}
