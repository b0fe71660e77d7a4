/** limits.maxMessageBytes: a longer message is refused before anything of it is copied. */
import assert from 'node:assert/strict'
import { SIPMessage } from '@siplet/sipmsg'
import { handler, ISOLATIONS, withEngine } from '../../support/engine.ts'
import { sip } from '../../support/messages.ts'

const SOURCE = handler('size(msg, extra) { return msg.raw.length + (extra ?? "").length }')
const TOO_LARGE = 'ERR_SIPLET_MESSAGE_TOO_LARGE'
const ofLength = (length: number) => {
  const body = length - sip({ body: 'x'.repeat(1_000) }).length + 1_000
  return sip({ body: 'x'.repeat(body) })
}

describe('limits.maxMessageBytes', () => {
  for (const isolation of ISOLATIONS) {
    it(`${isolation}: accepts messages up to the limit, and refuses longer ones, extraArgs included`, async () => {
      const options = { isolation, limits: { maxMessageBytes: 2_000, timeoutMs: 10_000 } }
      await withEngine(SOURCE, options, async (engine) => {
        const exec = async (message: string | Uint8Array | SIPMessage, extraArgs?: string) => {
          const { code, error } = await engine.exec(
            'size',
            message,
            extraArgs === undefined ? {} : { extraArgs },
          )
          return error?.code ?? code
        }
        assert.equal(await exec(ofLength(2_000)), 2_000)
        assert.equal(await exec(ofLength(1_990), 'x'.repeat(10)), 2_000)
        for (const message of [
          ofLength(2_001),
          Buffer.from(ofLength(2_001)),
          new SIPMessage(ofLength(2_001)),
        ]) {
          assert.equal(await exec(message), TOO_LARGE)
        }
        assert.equal(await exec(ofLength(1_990), 'x'.repeat(11)), TOO_LARGE)
        // The limit counts bytes of UTF-8, not characters.
        assert.equal(await exec(ofLength(1_990), 'ä'.repeat(6)), TOO_LARGE)
        assert.equal(await exec(`${ofLength(1_999)}ä`), TOO_LARGE)
        assert.equal(engine.stats().errors[TOO_LARGE], 6)
        assert.equal(engine.stats().children[0]!.rebuilds.lost, 0)
      })
    })

    it(`${isolation}: by default accepts 16 MiB, and refuses a message of 70 MB by its length`, async () => {
      const limits = { timeoutMs: 60_000 }
      await withEngine(SOURCE, { isolation, limits }, async (engine) => {
        const large = Buffer.alloc(16_777_216, 'x')
        large.write('OPTIONS sip:a SIP/2.0\r\n\r\n')
        const { error, code } = await engine.exec('size', large)
        assert.deepEqual([error, code], [null, large.length])
        const refused = await engine.exec('size', Buffer.alloc(70_000_000))
        assert.equal(refused.error?.code, TOO_LARGE)
        assert.match(refused.error!.message, /70000000 bytes .* 16777216 \(limits\.maxMessageBytes\)/)
      })
    }).timeout(120_000)
  }

  it('the result of a refusal has the given message, in whatever form it was given', async () => {
    const text = ofLength(1_100)
    await withEngine(SOURCE, { limits: { maxMessageBytes: 1_024 } }, async (engine) => {
      for (const message of [text, Buffer.from(text), new SIPMessage(text)]) {
        const result = await engine.exec('size', message)
        assert.equal(result.error?.code, TOO_LARGE)
        assert.equal(result.message.toBuffer().toString(), text)
      }
    })
  })
})
