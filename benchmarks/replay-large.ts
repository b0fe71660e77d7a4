/**
 * `node benchmarks/replay-large.ts [GiB]` writes a capture of that size, replays it, and prints throughput and peak
 * memory.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { INVITE } from '../packages/cli/src/bench/invite.ts'
import { CaptureEncoder, LINKTYPE, udpFrames } from '../packages/cli/src/capture/index.ts'
import { replayPeak } from '../test/support/replay-peak.ts'

const GIB = 1_024 ** 3
const CALLS_A_BLOCK = 1_000
const size = Number(process.argv[2] ?? 2) * GIB

const folder = mkdtempSync(join(tmpdir(), 'siplet-large-'))
try {
  const path = join(folder, 'large.pcap')
  await writeCapture(path)
  const { summary, peakMiB } = await replayPeak(path, 'examples/handler.ts')
  const { messages, seconds } = summary
  const [rate, speed] = [messages / seconds, size / 1_024 ** 2 / seconds]
  console.log(
    `${messages} messages in ${seconds.toFixed(1)} s: ${rate.toFixed(0)}/s, ${speed.toFixed(0)} MiB/s, peak ${peakMiB.toFixed(0)} MiB`,
  )
} finally {
  rmSync(folder, { recursive: true })
}

/** Writes blocks of INVITEs with different Call-IDs; the blocks are equal. */
async function writeCapture(path: string): Promise<void> {
  const encoder = new CaptureEncoder({ format: 'pcap', linktype: LINKTYPE.ETHERNET })
  const block = Buffer.concat(
    Array.from({ length: CALLS_A_BLOCK }, (_, k) => {
      const payload = Buffer.from(String(INVITE).replace(/^Call-ID: /m, `Call-ID: ${k}-`))
      const datagram = { src: ['192.0.2.10', 5060], dst: ['192.0.2.1', 5060], payload } as const
      return encoder.frame(k, 0, udpFrames(datagram, { linktype: LINKTYPE.ETHERNET })[0]!)
    }),
  )
  await using file = await open(path, 'w')
  await file.write(encoder.header)
  for (let written = 0; written < size; written += block.length) await file.write(block)
}
