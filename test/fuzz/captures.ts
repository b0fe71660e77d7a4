/**
 * Feeds damaged captures to the reader: `node test/fuzz/captures.ts [--runs N] [--seed S] [--first K]`. Input K
 * of a seed is always the same, so `--seed S --first K --runs 1` repeats a failure. Exits with 1 at the first
 * input for which the reader throws anything but a CaptureError, delivers something that is not SIP, or counts wrongly.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { isSIP } from '@siplet/sipmsg'
import { CaptureError, createCaptureStats, readSIPMessages } from '../../packages/cli/src/capture/index.ts'
import { type Random, randomOf } from './random.ts'
import { seedCaptures } from './seed-captures.ts'

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '100000' },
    seed: { type: 'string', default: '1' },
    first: { type: 'string', default: '0' },
  },
})
const [runs, seed, first] = [Number(values.runs), Number(values.seed), Number(values.first)]
const seeds = seedCaptures()
const folder = mkdtempSync(join(tmpdir(), 'siplet-fuzz-'))
const path = join(folder, 'capture')
console.log(`${runs} inputs from ${seeds.length} captures, seed ${seed}, from input ${first}`)

const found = { messages: 0, truncated: 0, refused: 0 }
let slowest = { milliseconds: 0, run: -1 }
let mostMemory = 0
const begin = performance.now()
try {
  for (let run = first; run < first + runs; run++) {
    const input = damaged(seeds, randomOf(seed, run))
    writeFileSync(path, input)
    const start = performance.now()
    try {
      await read(input)
    } catch (error) {
      console.error(`input ${run} of seed ${seed} fails; repeat with --seed ${seed} --first ${run} --runs 1`)
      console.error(input.toString('base64'))
      console.error(error)
      process.exitCode = 1
      break
    }
    const milliseconds = performance.now() - start
    if (milliseconds > slowest.milliseconds) slowest = { milliseconds, run }
    if (run % 1_000 === 0) mostMemory = Math.max(mostMemory, process.memoryUsage.rss())
  }
} finally {
  rmSync(folder, { recursive: true })
}
if (process.exitCode === undefined) {
  const seconds = (performance.now() - begin) / 1_000
  console.log(
    `${runs} inputs, no failure: ${found.messages} messages, ${found.truncated} captures cut short, ${found.refused} refused; ` +
      `${seconds.toFixed(1)} s, slowest ${slowest.milliseconds.toFixed(1)} ms (input ${slowest.run}), ` +
      `${Math.round(mostMemory / 1_024 / 1_024)} MiB of memory`,
  )
}

async function read(input: Buffer): Promise<void> {
  const stats = createCaptureStats()
  let messages = 0
  try {
    for await (const batch of readSIPMessages(path, stats, { keepFrames: true })) {
      for (const { bytes, origin } of batch) {
        messages++
        assert.ok(isSIP(bytes), 'a message begins with a start line')
        assert.ok(bytes.length <= 2_000_000, 'a message is no longer than it may be')
        const { payload, frame } = origin!
        const end = payload && payload.offset + payload.length
        if (payload) assert.deepEqual(frame.data.subarray(payload.offset, end!), bytes)
      }
    }
    assert.equal(stats.bytes <= input.length, true)
    assert.equal(stats.messages, messages)
    for (const [kind, count] of Object.entries(stats.skipped)) assert.ok(count >= 0, kind)
    found.truncated += Object.keys(stats.truncated).length
  } catch (error) {
    if (!(error instanceof CaptureError)) throw error
    found.refused++
  }
  found.messages += messages
}

/** Returns one of the captures: cut, with flipped bits, with lengths of 4 GiB, and with parts moved or repeated. */
function damaged(seeds: readonly Buffer[], random: Random): Buffer {
  let bytes = Buffer.from(seeds[random(seeds.length - 1)]!)
  for (let count = random(4); count >= 0; count--) {
    const at = random(bytes.length - 5)
    switch (random(5)) {
      case 0:
        for (let flips = random(20); flips >= 0; flips--) bytes[random(bytes.length - 1)]! ^= 1 << random(7)
        break
      case 1:
        bytes.fill(random(1) * 255, at, at + 1 + random(4))
        break
      case 2:
        bytes = Buffer.concat([bytes.subarray(0, at + 5)])
        break
      case 3: {
        const part = bytes.subarray(at, at + random(400))
        bytes = Buffer.concat([bytes.subarray(0, at), part, bytes.subarray(at)])
        break
      }
      case 4:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + random(40))])
        break
      default:
        bytes.writeUInt16BE(random(0xffff), at)
    }
    if (bytes.length < 16) return bytes
  }
  return bytes
}
