/** Small captures of public bug reports: the reader must find exactly the messages that `right.tsv` lists. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { SIPMessage } from '@siplet/sipmsg'
import { createCaptureStats, readSIPMessages } from '../../packages/cli/src/capture/index.ts'

const FOLDER = new URL('../../../shared/situations/', import.meta.url)
const TABLE = new URL('right.tsv', FOLDER)

/** Captures that siplet does not read right yet. A test fails if siplet reads one of them right, or any other wrong. */
const NOT_YET_RIGHT: ReadonlySet<string> = new Set([
  // A FIN or RST outside of the window, and ports that a new connection uses again with a lower sequence number.
  'C-fin-early.pcap',
  'C-port-reuse-lower-nosynack.pcap',
  'C-port-reuse-lower.pcap',
  'C-rst-bad-seq.pcap',
  'C-rst-seq0.pcap',
  'X-rst-seq0-gap.pcap',
  'X-syn-isn-lower-otherdir.pcap',
  // An acknowledgement that was captured before the segment it acknowledges.
  'P-ack-overtakes-split.pcap',
  'P-ack-overtakes.pcap',
  // pcap with the longer record headers of a patched libpcap.
  'F-modified-cd34.pcap',
  // Blocks other than packet blocks that tshark counts as frames.
  'G-custom.pcapng',
  'G-dsb-nrb-isb-sysd.pcapng',
  // Packets that Wireshark exported without the layers around them.
  'L252-exportpdu.pcap',
  'T-sctp.pcap',
  // Compressed WebSocket messages (RFC 7692).
  'W-deflate.pcap',
  // Bytes between two messages of a stream that are neither.
  'X-crlf-nul-ka.pcap',
  'X-garbage-nl.pcap',
])

async function found(file: string): Promise<string> {
  const messages: string[] = []
  for await (const slice of readSIPMessages([fileURLToPath(new URL(file, FOLDER))], createCaptureStats())) {
    for (const { frame, bytes } of slice) {
      const message = new SIPMessage(bytes)
      messages.push(`${frame} ${message.method ?? message.status}`)
    }
  }
  return messages.join(';')
}

describe('situations of public bug reports', () => {
  if (!existsSync(TABLE)) {
    it('are skipped: ../shared/situations is not on this machine, 0 captures read', () => {
      // Not every reporter shows the titles of skipped tests.
      console.log('      SKIPPED: ../shared/situations is not on this machine, 0 captures read')
    })
    return
  }
  const rows = readFileSync(TABLE, 'utf8')
    .trimEnd()
    .split('\n')
    .slice(1)
    .map((line) => line.split('\t') as [file: string, messages: string, judge: string])
  for (const [file, right] of rows) {
    it(file, async () => {
      const messages = await found(file).catch((error: Error) => `${error.message}`)
      if (NOT_YET_RIGHT.has(file)) assert.notEqual(messages, right)
      else assert.equal(messages, right)
    })
  }
  after(() => console.log(`      ${rows.length} captures of situations read`))
})
