import assert from 'node:assert/strict'
import { SIPMessage } from '@siplet/sipmsg'
import { createCaptureStats, readSIPMessages } from '../../packages/cli/src/capture/index.ts'
import { corpus } from '../support/corpus.ts'

describe('captures of the corpus, against what tshark finds', () => {
  const captures = corpus()
  if (captures === undefined) {
    it('is skipped: ../shared/corpus is not on this machine, 0 captures compared')
    return
  }
  let compared = 0
  let leftToTCP = 0

  for (const { name, path, messages } of captures) {
    it(name, async () => {
      const stats = createCaptureStats()
      const found: object[] = []
      for await (const batch of readSIPMessages(path, stats)) {
        for (const { frame, bytes } of batch) {
          const message = new SIPMessage(bytes)
          found.push({
            frame,
            method: message.method ?? '',
            status: String(message.status ?? ''),
            callId: message.callId,
            cseq: message.cseq,
          })
        }
      }
      const udp = messages.filter(({ transport }) => transport === 'udp')
      assert.deepEqual(
        found,
        udp.map(({ frame, method, status, callId, cseq }) => ({ frame, method, status, callId, cseq })),
      )
      assert.deepEqual(stats.truncated, {})
      compared += udp.length
      leftToTCP += messages.length - udp.length
    })
  }

  after(() => {
    console.log(
      `      corpus: ${captures.length} captures, ${compared} UDP messages compared; ${leftToTCP} messages over TCP or WebSocket left out`,
    )
  })
})
