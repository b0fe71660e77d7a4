/** Frames written as a capture and read back. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type CapturedMessage,
  CaptureEncoder,
  createCaptureStats,
  LINKTYPE,
  type ReadOptions,
  readSIPMessages,
} from '../../packages/cli/src/capture/index.ts'

/** One second from frame to frame. */
export function captureOf(
  frames: readonly Buffer[],
  seconds = 1_700_000_000,
  format: 'pcap' | 'pcapng' = 'pcapng',
): Buffer {
  const encoder = new CaptureEncoder({ format, linktype: LINKTYPE.ETHERNET })
  return Buffer.concat([encoder.header, ...frames.map((frame, k) => encoder.frame(seconds + k, 0, frame))])
}

/** A folder for the captures of a suite, to be called in describe. */
export function captureFolder() {
  const folder = mkdtempSync(join(tmpdir(), 'siplet-captures-'))
  after(() => rmSync(folder, { recursive: true }))
  let files = 0
  return {
    folder,
    write(bytes: Uint8Array, name = `${++files}.pcap`): string {
      const path = join(folder, name)
      writeFileSync(path, bytes)
      return path
    },
    async read(frames: readonly Buffer[], options: ReadOptions = {}) {
      return readAll(this.write(captureOf(frames)), options)
    },
  }
}

export async function readAll(captures: string | readonly string[], options: ReadOptions = {}) {
  const stats = createCaptureStats()
  const messages: CapturedMessage[] = []
  for await (const batch of readSIPMessages(captures, stats, options)) messages.push(...batch)
  return { messages, stats, skipped: stats.skipped }
}

/** Frame and text of each. */
export function texts(messages: readonly CapturedMessage[]): [number, string][] {
  return messages.map(({ frame, bytes }) => [frame, bytes.toString('latin1')])
}
