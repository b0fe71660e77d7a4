/**
 * Feeds mutated messages to everything in sipmsg: `node test/fuzz/fuzz.ts [--runs N] [--seed S] [--first K]`.
 * Input K of a seed is always the same, so `--seed S --first K --runs 1` repeats a failure. Exits with 1 at the
 * first input for which sipmsg throws, contradicts itself, or depends on how a stream is cut.
 */
import assert from 'node:assert/strict'
import { parseArgs } from 'node:util'
import { type Frame, StreamFramer } from '@siplet/sipmsg'
import { readEverything } from '../support/read-everything.ts'
import { mutate } from './mutate.ts'
import { type Random, randomOf } from './random.ts'
import { seedMessages } from './seed-messages.ts'

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '100000' },
    seed: { type: 'string', default: '1' },
    first: { type: 'string', default: '0' },
  },
})
const [runs, seed, first] = [Number(values.runs), Number(values.seed), Number(values.first)]
const seeds = await seedMessages()
console.log(`${runs} inputs from ${seeds.length} messages, seed ${seed}, from input ${first}`)

let sip = 0
let slowest = { milliseconds: 0, run: -1 }
const begin = performance.now()
for (let run = first; run < first + runs; run++) {
  const random = randomOf(seed, run)
  const input = mutate(seeds, random)
  const start = performance.now()
  try {
    if (readEverything(input)) sip++
    framedInPieces(input, random)
  } catch (error) {
    console.error(`input ${run} of seed ${seed} fails; repeat with --seed ${seed} --first ${run} --runs 1`)
    console.error(Buffer.from(input).toString('base64'))
    console.error(error)
    process.exit(1)
  }
  const milliseconds = performance.now() - start
  if (milliseconds > slowest.milliseconds) slowest = { milliseconds, run }
  if ((run - first + 1) % 1_000_000 === 0) console.log(`${run - first + 1} inputs, ${sip} of them SIP`)
}
const seconds = (performance.now() - begin) / 1_000
console.log(
  `${runs} inputs, ${sip} of them SIP, no failure; ${seconds.toFixed(1)} s, ` +
    `slowest ${slowest.milliseconds.toFixed(1)} ms (input ${slowest.run})`,
)

/** Checks that the frames of a stream do not depend on its chunks. */
function framedInPieces(input: Uint8Array, random: Random): void {
  const options = { onGarbage: 'resync', maxHeadBytes: 2_000, maxBodyBytes: 2_000 } as const
  const whole = new StreamFramer(options)
  const expected = [...whole.push(input), ...whole.end()]
  const pieces = new StreamFramer(options)
  const cut = random(input.length)
  const frames = [
    ...pieces.push(input.subarray(0, cut)),
    ...pieces.push(input.subarray(cut)),
    ...pieces.end(),
  ]
  assert.deepEqual(frames.map(told), expected.map(told))
}

function told(frame: Frame): string {
  if (frame.type === 'message') return Buffer.from(frame.bytes).toString('latin1')
  return frame.type === 'error' ? frame.error.message : frame.type
}
