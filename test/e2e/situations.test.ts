/** Small captures of public bug reports: the reader must find exactly the messages that `right.tsv` lists. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { SIPMessage } from '@siplet/sipmsg'
import { createCaptureStats, readSIPMessages } from '../../packages/cli/src/capture/index.ts'

const FOLDER = new URL('../../../shared/situations/', import.meta.url)
const TABLE = new URL('right.tsv', FOLDER)

/** Captures that siplet does not read yet. A test fails if siplet reads one of them right. */
const NOT_READ_YET: ReadonlySet<string> = new Set(['T-sctp.pcap'])

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
      if (NOT_READ_YET.has(file)) assert.notEqual(messages, right)
      else assert.equal(messages, right)
    })
  }
  after(() => console.log(`      ${rows.length} captures of situations read`))
})
