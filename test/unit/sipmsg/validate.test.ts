/** Rules that the torture messages of RFC 4475 do not cover: those of RFCs that extend RFC 3261. */
import assert from 'node:assert/strict'
import { FINDINGS, validate } from '@siplet/sipmsg'
import { sip } from '../../support/messages.ts'
import { request } from '../../support/torture.ts'

/** Returns code, RFC and text at the offset of every finding. */
function found(text: string): [code: string, section: string, at: string][] {
  return validate(text).map(({ code, section, offset }) => [code, section, text.slice(offset, offset + 6)])
}

describe('validate', () => {
  it('finds nothing in requests of the methods that extensions define', () => {
    const complete = {
      PRACK: ['RAck: 776656 1 INVITE'],
      UPDATE: [],
      INFO: ['Info-Package: dtmf'],
      MESSAGE: [],
      SUBSCRIBE: ['Event: presence;id=1', 'Expires: 600'],
      NOTIFY: ['Event: presence', 'Subscription-State: terminated;reason=timeout'],
      REFER: ['Refer-To: <sip:carol@example.com?Replaces=1%40a>', 'Referred-By: <sip:bob@example.com>'],
      PUBLISH: ['Event: presence', 'SIP-If-Match: 12'],
    }
    for (const [method, lines] of Object.entries(complete)) {
      assert.deepEqual(found(request(method, { lines })), [], method)
    }
  })

  it('reports a missing header that the method requires', () => {
    assert.deepEqual(found(request('PRACK')), [['HEADER_MISSING', 'RFC 3262 section 7.2', '\r\n']])
    assert.deepEqual(found(request('NOTIFY', { lines: ['Event: presence'] })), [
      ['HEADER_MISSING', 'RFC 6665 section 4.2.2', '\r\n'],
    ])
    assert.deepEqual(found(request('SUBSCRIBE', { headers: { Contact: undefined } })), [
      ['HEADER_MISSING', 'RFC 6665 section 4.1.2.1', '\r\n'],
      ['CONTACT_MISSING', 'RFC 3261 section 8.1.1.8', '\r\n'],
    ])
    assert.deepEqual(found(request('REFER')), [['HEADER_MISSING', 'RFC 3515 section 2.4.1', '\r\n']])
  })

  it('requires nothing of a method named like a property of every object', () => {
    assert.deepEqual(found(request('constructor')), [])
  })

  it('reads RSeq, RAck, Event and Subscription-State by their grammar', () => {
    assert.deepEqual(found(request('PRACK', { lines: ['RAck: 1 INVITE', 'RSeq: 4294967296'] })), [
      ['HEADER_MALFORMED', 'RFC 3261 section 7.3.1', '1 INVI'],
      ['NUMBER_RANGE', 'RFC 3262 section 7.1', '429496'],
    ])
    assert.deepEqual(found(request('PRACK', { lines: ['RAck: 1 2147483648 INVITE'] })), [
      ['NUMBER_RANGE', 'RFC 3262 section 7.2', '1 2147'],
    ])
    assert.deepEqual(found(request('NOTIFY', { lines: ['Event: a b', 'Subscription-State: active;=1'] })), [
      ['HEADER_MALFORMED', 'RFC 3261 section 7.3.1', 'a b\r\nS'],
      ['PARAMETERS_MALFORMED', 'RFC 3261 section 25.1', ';=1\r\n\r'],
    ])
  })

  it('reports a port of Via beyond 65535, and accepts a URI in quotes as a parameter of Contact', () => {
    const text = sip({ headers: [['Via', 'SIP/2.0/UDP h:99999;branch=z9hG4bK1']] })
    assert.ok(validate(text).some(({ code, text }) => code === 'NUMBER_RANGE' && /port of Via/.test(text)))
    const contact = sip({ headers: [['Contact', 'sip:p6@192.0.2.88:5094;+sip.instance="<urn:x:1>"']] })
    assert.deepEqual(
      validate(contact).filter(({ text }) => /Contact/.test(text)),
      [],
    )
  })

  it('does not take the next line for a part of a parameter', () => {
    const text = request('OPTIONS', { lines: ['Route: <sip:a@b>;x.y', '=: z'] })
    assert.deepEqual(found(text), [['HEADER_MALFORMED', 'RFC 3261 section 7.3.1', '=: z\r\n']])
  })

  it('lists every finding of a message that has hundreds of thousands', () => {
    const count = 300_000
    const repeated = `OPTIONS sip:a@b SIP/2.0\r\n${'To: <sip:a@b>\r\n'.repeat(count)}\r\n`
    assert.ok(validate(repeated).length >= count - 1)
    const malformed = `OPTIONS sip:a@b SIP/2.0\r\nContact: ${'<,'.repeat(count)}\r\n\r\n`
    assert.ok(validate(malformed).length > 0)
    const parameters = `OPTIONS sip:a@b SIP/2.0\r\nTo: <sip:a@b>${';=x'.repeat(count)}\r\n\r\n`
    assert.ok(validate(parameters).length > 0)
  })

  it('accepts a message as bytes, as text, and with its edits', () => {
    const text = sip({ startLine: 'OPTIONS sip:a SIP/2.0' })
    assert.deepEqual(validate(text), validate(Buffer.from(text)))
    assert.deepEqual(
      validate(text).map(({ code, severity }) => [code, severity]),
      [['CSEQ_METHOD_MISMATCH', FINDINGS.CSEQ_METHOD_MISMATCH.severity]],
    )
  })
})
