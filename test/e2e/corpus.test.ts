import assert from 'node:assert/strict'
import { SIPMessage } from '@siplet/sipmsg'
import { createCaptureStats, readSIPMessages } from '../../packages/cli/src/capture/index.ts'
import { corpus } from '../support/corpus.ts'

/** Frames, by capture, in which we differ from tshark on purpose; docs/captures.md explains why. */
const NOT_OURS: Record<string, number[]> = {}

describe('captures of the corpus, compared with tshark', () => {
  const captures = corpus()
  if (captures === undefined) {
    it('are skipped: ../shared/corpus is not on this machine, 0 captures compared', function () {
      // Not every reporter shows the titles of skipped tests.
      console.log('      SKIPPED: ../shared/corpus is not on this machine, 0 captures compared')
      this.skip()
    })
    return
  }
  const compared = { udp: 0, tcp: 0, ws: 0 }

  for (const { name, path, messages } of captures) {
    it(name, async () => {
      const stats = createCaptureStats()
      const found: object[] = []
      for await (const batch of readSIPMessages(path, stats)) {
        for (const { frame, bytes, transport } of batch) {
          const message = new SIPMessage(bytes)
          found.push({
            frame,
            transport,
            method: message.method ?? '',
            status: String(message.status ?? ''),
            callId: message.callId,
            cseq: message.cseq,
          })
          compared[transport]++
        }
      }
      const differing = NOT_OURS[name] ?? []
      assert.deepEqual(
        found,
        messages.filter(({ frame }) => !differing.includes(frame)),
      )
      assert.deepEqual(stats.truncated, {})
    })
  }

  after(() => {
    const { udp, tcp, ws } = compared
    console.log(
      `      corpus: ${captures.length} captures; messages compared: ${udp} over UDP, ${tcp} over TCP, ${ws} over WebSocket; ` +
        `${Object.values(NOT_OURS).flat().length} left out because of known differences`,
    )
  })
})
