/** Writes frames as a capture and reads them back. */
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

/** Returns a capture whose frames are one second apart. */
export function captureOf(
  frames: readonly Buffer[],
  seconds = 1_700_000_000,
  format: 'pcap' | 'pcapng' = 'pcapng',
  linktype: number = LINKTYPE.ETHERNET,
): Buffer {
  const encoder = new CaptureEncoder({ format, linktype })
  return Buffer.concat([encoder.header, ...frames.map((frame, k) => encoder.frame(seconds + k, 0, frame))])
}

/** Creates a folder for the captures of a suite. Call it in describe. */
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
    async read(frames: readonly Buffer[], options: ReadOptions = {}, linktype: number = LINKTYPE.ETHERNET) {
      return readAll(this.write(captureOf(frames, undefined, undefined, linktype)), options)
    },
  }
}

export async function readAll(captures: string | readonly string[], options: ReadOptions = {}) {
  const stats = createCaptureStats()
  const messages: CapturedMessage[] = []
  for await (const batch of readSIPMessages(captures, stats, options)) messages.push(...batch)
  return { messages, stats, skipped: stats.skipped }
}

/** Returns frame number and text of each message. */
export function texts(messages: readonly CapturedMessage[]): [number, string][] {
  return messages.map(({ frame, bytes }) => [frame, bytes.toString('latin1')])
}
