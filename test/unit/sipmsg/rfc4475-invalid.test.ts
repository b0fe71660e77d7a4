/** The messages of RFC 4475 that are invalid, or that an application rejects. */
import assert from 'node:assert/strict'
import { FINDINGS, SIPMessage, validate } from '@siplet/sipmsg'
import { SDP } from '../../support/messages.ts'
import { request, TORTURE } from '../../support/torture.ts'

describe('RFC 4475: messages that are invalid, or that an application objects to', () => {
  it('starts from valid requests', () => {
    assert.deepEqual(validate(request('INVITE', { body: SDP })), [])
    assert.deepEqual(validate(request('OPTIONS')), [])
  })

  for (const { name, section, text, findings } of TORTURE) {
    it(`${section} ${name}`, () => {
      const found = validate(Buffer.from(text))
      assert.deepEqual(
        found.map(({ code, offset }) => [code, offset]),
        findings.map(([code, at], place) => [code, offsetOf(text, at, found[place]?.offset)]),
      )
      for (const { code, severity, section, text } of found) {
        assert.equal(severity, FINDINGS[code].severity)
        assert.match(section, /^RFC 3261 section \d+(\.\d+)*$/)
        assert.ok(text.length > 10)
      }
    })
  }

  it('are read anyway, because a proxy has to answer them', () => {
    for (const { name, text } of TORTURE) {
      if (name.startsWith('bigcode')) {
        assert.throws(() => new SIPMessage(text), { code: 'ERR_SIPLET_NOT_SIP' })
        continue
      }
      const message = new SIPMessage(text)
      assert.equal(message.text, text)
      assert.ok(message.vias.length > 0, name)
    }
  })
})

/** Returns the place of the text: the found offset if the text is there, else its first place. */
function offsetOf(text: string, at: string, found: number | undefined): number {
  return found !== undefined && text.startsWith(at, found) ? found : text.indexOf(at)
}
