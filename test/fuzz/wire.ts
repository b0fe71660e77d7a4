/**
 * Feeds any data to the readers of the host: `node test/fuzz/wire.ts [--runs N] [--seed S] [--first K]`. Input K
 * of a seed is a verdict area: random bytes, or a damaged area of a real isolate. Every 16th input is also a stream of
 * frames of a pool process, and a call of call_function. Exits with 1 at the first input for which a reader throws
 * anything but Malformed, or returns a wrong value.
 */
import assert from 'node:assert/strict'
import { parseArgs } from 'node:util'
import { SIPMessage } from '@siplet/sipmsg'
import {
  encodeFrame,
  FROM_PROCESS,
  type Frame,
  FrameReader,
  KINDS,
} from '../../packages/engine/src/wire/frame.ts'
import { readFunctionCall } from '../../packages/engine/src/wire/function-call-reader.ts'
import { Malformed, orMalformed } from '../../packages/engine/src/wire/malformed.ts'
import { takeSnapshot } from '../../packages/engine/src/wire/snapshot.ts'
import { parseStartResult } from '../../packages/engine/src/wire/start-result.ts'
import { ERROR_CODES, LOG_LEVELS, RECORDS_START } from '../../packages/engine/src/wire/verdict.ts'
import { type Judged, type Reading, VerdictReader } from '../../packages/engine/src/wire/verdict-reader.ts'
import { generatorOf, type Random, randomOf } from './random.ts'
import { MAX_RESULT_BYTES, type SeedArea, seedAreas } from './seed-areas.ts'

const AREA_BYTES = 16_384
const MAX_RANDOM_BYTES = 512
const FRAMES_EVERY = 16
const MAX_PAYLOAD = 65_536
/** Numbers at which readers may break. */
const ODD = [
  0,
  1,
  2,
  3,
  4,
  7,
  8,
  15,
  16,
  127,
  128,
  255,
  256,
  65_535,
  2 ** 29,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32 - 1,
]

const STARTED = [
  '{"ok":true,"methods":["child_init","route"],"asyncMethods":[]}',
  '{"ok":false,"code":"ERR_SIPLET_MOD_INIT","message":"no","stack":""}',
]

/** Values that replace a part of a JSON text. */
const JSON_PARTS = [
  'null',
  '-1',
  '1e999',
  '0.5',
  '""',
  '"\\u0000"',
  '"\\r\\n"',
  '"ü☃"',
  '[]',
  '{}',
  '[[[[',
  'true',
  '{"__proto__":{"index":0}}',
  '4294967296',
]

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '100000' },
    seed: { type: 'string', default: '1' },
    first: { type: 'string', default: '0' },
  },
})
const [runs, seed, first] = [Number(values.runs), Number(values.seed), Number(values.first)]
const { areas: seeds, calls } = await seedAreas()
console.log(
  `${runs} inputs from ${seeds.length} areas and ${calls.length} calls, seed ${seed}, from input ${first}`,
)

const memory = new SharedArrayBuffer(AREA_BYTES)
const area = Buffer.from(memory)
const head = new Int32Array(memory, 0, 4)
const words = new Int32Array(memory)
const reader = new VerdictReader(memory, MAX_RESULT_BYTES)
const found = { whole: 0, malformed: 0, outcomes: 0, frames: 0, calls: 0 }
let slowest = { milliseconds: 0, run: -1 }

// Most inputs are malformed, and nobody reads the stacks.
Error.stackTraceLimit = 0
const begin = performance.now()
for (let run = first; run < first + runs; run++) {
  const start = performance.now()
  const random = randomOf(seed, run)
  try {
    readArea(run, random)
    if (run % FRAMES_EVERY === 0) {
      readFrames(random)
      readCall(random)
    }
  } catch (error) {
    console.error(`input ${run} of seed ${seed} fails; repeat with --seed ${seed} --first ${run} --runs 1`)
    console.error(error)
    process.exit(1)
  }
  const milliseconds = performance.now() - start
  if (milliseconds > slowest.milliseconds) slowest = { milliseconds, run }
  if ((run - first + 1) % 1_000_000 === 0) console.log(`${run - first + 1} inputs`, JSON.stringify(found))
}
const seconds = (performance.now() - begin) / 1_000
console.log(
  `${runs} inputs, ${found.whole} of them right as they were, ${found.malformed} malformed, with ${found.outcomes} outcomes that stood; ` +
    `${found.frames} frames and ${found.calls} calls taken; no failure; ${seconds.toFixed(1)} s, ` +
    `slowest ${slowest.milliseconds.toFixed(1)} ms (input ${slowest.run})`,
)

function readArea(run: number, random: Random): void {
  const source = seeds[random(seeds.length - 1)]!
  if (run % 4 === 0) fillRandomly(run, random)
  else damage(source, random)
  const done = random(1) === 1
  const batch = source.batch.slice(0, Math.max(1, source.batch.length - (random(7) === 0 ? 1 : 0)))
  if (random(31) === 0) {
    const { unfinishedLogs } = reader.readStart()
    for (const { level, text } of unfinishedLogs) checkLog(level, text)
    return
  }
  const begun = head[1]!
  const reading = reader.read(batch, done)
  const ended = reading.outcomes.length
  check(reading, batch, done)
  assert.ok(reader.heapBytes >= 0)
  assert.equal(head[0], 0)
  assert.equal(head[1], 0)
  if (reading.malformed === undefined) {
    assert.ok(begun === ended || (begun === ended + 1 && begun <= batch.length && !done))
    found.whole++
  } else found.malformed++
  found.outcomes += ended
}

/** Fills the whole area with random words. Now and then, the head makes the records readable. */
function fillRandomly(run: number, random: Random): void {
  const generator = generatorOf(~seed, run)
  const bytes = random(3) === 0 ? AREA_BYTES : MAX_RANDOM_BYTES
  for (let i = 0; i < bytes / 4; i++) words[i] = generator.next()
  if (random(7) > 0) head[0] = random(bytes)
  if (random(7) > 0) head[1] = random(3)
  if (random(7) > 0) head[3] = random(1_000)
  // Most bytes are no kind of record, so the first byte is made one.
  if (random(3) > 0) area[RECORDS_START] = 1 + random(1)
  if (random(3) > 0) area[RECORDS_START + 1] = random(8)
}

function damage({ snapshot }: SeedArea, random: Random): void {
  snapshot.copy(area)
  let length = snapshot.length
  for (let count = random(4); count > 0; count--) {
    const at = RECORDS_START + random(Math.max(0, length - RECORDS_START - 4))
    switch (random(7)) {
      case 0:
        area[at] = random(255)
        break
      case 1:
        area.writeUInt32LE(ODD[random(ODD.length - 1)]!, at)
        break
      case 2:
        area[at] = area[at]! ^ (1 << random(7))
        break
      case 3:
        head[random(3)] = ODD[random(ODD.length - 1)]! | 0
        break
      case 4:
        head[0] = random(length)
        break
      case 5:
        // Repeats records at another place.
        area.copyWithin(at, RECORDS_START, Math.min(length, AREA_BYTES - at))
        break
      case 6: {
        const other = seeds[random(seeds.length - 1)]!.snapshot
        length = Math.min(AREA_BYTES, at + other.length - RECORDS_START)
        other.copy(area, at, RECORDS_START)
        head[0] = length - RECORDS_START
        break
      }
      default:
        area.writeUInt32LE((area.readUInt32LE(at) + random(8) - 4) >>> 0, at)
    }
  }
}

/** Checks results in another way than the reader does. */
function check(reading: Reading, batch: readonly Judged[], done: boolean): void {
  const { outcomes, unfinishedLogs, endedMs, malformed } = reading
  assert.ok(outcomes.length <= batch.length)
  assert.ok(endedMs >= 0 && Number.isInteger(endedMs))
  if (malformed === undefined && done) assert.ok(outcomes.length > 0 && !reading.unfinished)
  for (const { level, text } of unfinishedLogs) checkLog(level, text)
  for (const [index, { code, dstUri, splices, error, logs }] of outcomes.entries()) {
    assert.equal(code, code | 0)
    for (const { level, text } of logs) checkLog(level, text)
    if (dstUri !== null) for (const character of dstUri) assert.ok(character > ' ' && character < '\x7f')
    if (error !== null) {
      assert.equal(code, -1)
      assert.ok(ERROR_CODES.includes(error.code))
      assert.ok(error.message.isWellFormed() && error.stack.isWellFormed())
    }
    if (splices.length === 0) continue
    // Does what the embedder does with a result.
    const original = batch[index]!.message as SIPMessage
    const message = new SIPMessage(original)
    message.restoreSplices(splices)
    assert.equal(message.isRequest, original.isRequest)
    assert.equal(new SIPMessage(message.toBytes()).text, message.text)
    message.headerNames()
    assert.equal(message.ruri === null, !message.isRequest)
  }
}

function checkLog(level: string, text: string): void {
  assert.ok((LOG_LEVELS as readonly string[]).includes(level))
  assert.ok(text.isWellFormed())
}

/** Reads frames of a pool process, some damaged, in pieces of any size. */
function readFrames(random: Random): void {
  const parts: Buffer[] = []
  for (let count = random(4); count >= 0; count--) {
    const kind = KINDS[random(KINDS.length - 1)]!
    const number = ODD[random(ODD.length - 1)]!
    const frame = encodeFrame(kind, random(3), number, payload(kind, random))
    if (random(3) === 0) frame[random(Math.min(10, frame.length - 1))] = random(255)
    if (random(7) === 0) frame.writeUInt32LE(ODD[random(ODD.length - 1)]!, 0)
    parts.push(random(9) === 0 ? frame.subarray(0, random(frame.length)) : frame)
  }
  let ends = 0
  const take = (frame: Frame) => {
    assert.equal(ends, 0)
    found.frames++
    assert.ok((FROM_PROCESS as readonly string[]).includes(frame.kind))
    assert.ok(frame.payload.length <= MAX_PAYLOAD && frame.rank <= 65_535)
    if (frame.kind === 'MARK' || frame.kind === 'ENDED') {
      if (!takeSnapshot(area, frame.payload)) return
      const { batch } = seeds[random(seeds.length - 1)]!
      check(reader.read(batch, frame.kind === 'ENDED'), batch, frame.kind === 'ENDED')
    } else if (frame.kind === 'STARTED') {
      const result = parseStartResult(frame.payload.toString('utf8', 4))
      assert.ok(
        result.ok
          ? result.methods.every((name) => typeof name === 'string')
          : typeof result.message === 'string',
      )
    }
  }
  const frames = new FrameReader({ kinds: FROM_PROCESS, maxPayload: MAX_PAYLOAD }, take, () => {
    ends++
  })
  const stream = Buffer.concat(parts)
  for (let at = 0; at < stream.length; ) {
    const length = 1 + random(stream.length)
    frames.push(stream.subarray(at, at + length))
    at += length
  }
  assert.ok(ends <= 1)
}

function payload(kind: string, random: Random): Buffer {
  const { snapshot } = seeds[random(seeds.length - 1)]!
  if (random(7) === 0) return Buffer.alloc(random(64), random(255))
  if (kind === 'CALL') return Buffer.from(damagedText(calls[random(calls.length - 1)]!, random))
  if (kind === 'STARTED')
    return Buffer.from(`    ${damagedText(STARTED[random(STARTED.length - 1)]!, random)}`)
  const copy = Buffer.from(snapshot)
  if (random(1) === 1) copy[random(copy.length - 1)] = random(255)
  return copy
}

function readCall(random: Random): void {
  const { batch } = seeds[random(seeds.length - 1)]!
  const call = orMalformed(() =>
    readFunctionCall(damagedText(calls[random(calls.length - 1)]!, random), batch),
  )
  if (call instanceof Malformed) return
  found.calls++
  assert.equal(typeof call.name, 'string')
  for (const arg of call.args) assert.ok(typeof arg === 'string' || Number.isFinite(arg))
  const { index, dstUri, splices } = call
  const outcome = { code: 0, dstUri, splices, error: null, logs: [] }
  const reading = {
    outcomes: [outcome],
    unfinished: false,
    unfinishedLogs: [],
    endedMs: 0,
    malformed: undefined,
  }
  check(reading, [batch[index]!], true)
}

function damagedText(text: string, random: Random): string {
  let damaged = text
  for (let count = random(2); count > 0; count--) {
    const tokens = damaged.split(/(?<=[[{:,])|(?=[\]},])/)
    const at = random(tokens.length - 1)
    if (random(3) === 0) tokens.splice(at, 1 + random(2))
    else tokens[at] = JSON_PARTS[random(JSON_PARTS.length - 1)]!
    damaged = tokens.join('')
  }
  if (random(9) === 0) damaged = damaged.slice(0, random(damaged.length))
  return damaged
}
