/** Calls that the page builds from the columns of a report: their messages, their states, and the search. */
import assert from 'node:assert/strict'
import { SipletError } from '@siplet/engine'
import type { ReplayedMessage } from '../../../packages/cli/src/replay/replayed-message.ts'
import type { ReportIndex } from '../../../packages/cli/src/report/format.ts'
import { MessageTable } from '../../../packages/cli/src/report/message-table.ts'
import { Report } from '../../../packages/cli/src/report/page/report.ts'
import { findCalls } from '../../../packages/cli/src/report/page/search.ts'
import { inviteOf, sip } from '../../support/messages.ts'
import { replayed } from '../../support/replayed.ts'

/** Returns a report with only the parts that calls are built from. */
function report(messages: readonly ReplayedMessage[]): Report {
  const table = new MessageTable()
  for (const message of messages) table.add(message)
  const { strings, calls, length } = table
  return new Report({ strings, calls, listed: length, messages: table.messages } as ReportIndex)
}

/** Returns a request or reply of one call with this start line and this CSeq. */
function message(startLine: string, cseq: string): string {
  return sip({ startLine }).replace('CSeq: 1 INVITE', `CSeq: ${cseq}`)
}

const ringing = message('SIP/2.0 180 Ringing', '1 INVITE')
const ok = message('SIP/2.0 200 OK', '1 INVITE')
const bye = message('BYE sip:bob@example.net SIP/2.0', '2 BYE')
const invite = message('INVITE sip:bob@example.net SIP/2.0', '1 INVITE')

describe('the state of a call', () => {
  const state = (...texts: string[]) =>
    report(texts.map((text, k) => replayed(k + 1, text))).calls[0]!.state.words

  for (const [words, ...texts] of [
    ['call setup', invite, ringing],
    ['in call', invite, ringing, ok],
    ['completed', invite, ok, bye],
    ['cancelled', invite, message('CANCEL sip:bob@example.net SIP/2.0', '1 CANCEL')],
    ['cancelled', invite, message('SIP/2.0 487 Request Terminated', '1 INVITE')],
    ['busy (486)', invite, message('SIP/2.0 486 Busy Here', '1 INVITE')],
    ['rejected (403)', invite, message('SIP/2.0 403 Forbidden', '1 INVITE')],
    ['diverted (302)', invite, message('SIP/2.0 302 Moved Temporarily', '1 INVITE')],
    ['challenged (407)', invite, message('SIP/2.0 407 Proxy Authentication Required', '1 INVITE')],
    ['in call', invite, message('SIP/2.0 407 Proxy Authentication Required', '1 INVITE'), invite, ok],
    ['no answer', message('OPTIONS sip:bob@example.net SIP/2.0', '7 OPTIONS')],
    [
      '200 OK',
      message('REGISTER sip:example.net SIP/2.0', '1 REGISTER'),
      message('SIP/2.0 401 Unauthorized', '1 REGISTER'),
      message('SIP/2.0 200 OK', '2 REGISTER'),
    ],
    ['completed', ok, bye],
  ] as const) {
    it(`is ${words} after ${texts.map((text) => text.split(/ sip:|\r\n/, 1)[0]).join(', ')}`, () => {
      assert.equal(state(...texts), words)
    })
  }
})

describe('the messages of a call', () => {
  it('are all messages with one Call-ID, even if other messages come between them', () => {
    const { calls } = report(
      [inviteOf('a'), inviteOf('b'), inviteOf('a')].map((text, k) => replayed(k + 1, text)),
    )
    assert.deepEqual(
      calls.map(({ callId, messages }) => [callId, messages]),
      [
        ['a', [0, 2]],
        ['b', [1]],
      ],
    )
    assert.equal(calls[0]!.duration, 20_000)
  })

  it('form one call if they have no Call-ID', () => {
    const { calls } = report([
      replayed(1, 'OPTIONS sip:a SIP/2.0\r\n\r\n'),
      replayed(2, 'BYE sip:a SIP/2.0\r\n\r\n'),
    ])
    assert.deepEqual([calls.length, calls[0]!.callId], [1, null])
  })

  it('count as retransmissions if the same bytes came before', () => {
    const { index } = report([invite, invite, ok].map((text, k) => replayed(k + 1, text)))
    assert.deepEqual(
      index.messages.flags.map((flags) => flags & 4),
      [0, 4, 0],
    )
  })

  it('contain the place of an error', () => {
    const error = new SipletError('ERR_SIPLET_SCRIPT', 'Error: no', {
      stack: 'Error: no\n    at Router.request_route (handler.ts:14:7)',
    })
    const { index } = report([replayed(1, invite, { code: -1, error })])
    assert.equal(index.strings[index.messages.error[0]!], 'ERR_SIPLET_SCRIPT: Error: no (at handler.ts:14:7)')
  })
})

describe('the search', () => {
  const error = new SipletError('ERR_SIPLET_TIMEOUT', 'longer than 50 ms')
  const all = report([
    replayed(1, inviteOf('one@host'), { code: 1, dstUri: 'sip:192.0.2.30:5060' }),
    replayed(2, inviteOf('two@host').replace('"Alice" <sip:alice@', '<sip:carol@'), { code: -1 }),
    replayed(3, sip({ startLine: 'SIP/2.0 486 Busy Here' }).replace('call-1@example.com', 'two@host')),
    replayed(4, inviteOf('three@host'), { code: -1, error }),
  ])
  const found = (query: string) => findCalls(all, query, null).map(({ callId }) => callId!.split('@')[0])

  for (const [query, ...calls] of [
    ['', 'one', 'two', 'three'],
    ['TWO@host', 'two'],
    ['carol', 'two'],
    ['host -carol', 'one', 'three'],
    ['invite busy', 'two'],
    ['486', 'two'],
    ['status:4', 'two'],
    ['state:setup', 'one', 'three'],
    ['from:alice', 'one', 'three'],
    ['next:192.0.2.30', 'one'],
    ['frame:4', 'three'],
    ['is:error', 'three'],
    ['is:refused', 'two'],
    ['-is:error -is:refused', 'one'],
    ['is:rerouted', 'one'],
    ['"error:longer than"', 'three'],
    ['"longer than 50"', 'three'],
    ['is:constructor'],
    ['sip:bob@example.net', 'one', 'two', 'three'],
  ] as const) {
    it(`finds ${calls.join(', ') || 'nothing'} for ${query || 'an empty query'}`, () => {
      assert.deepEqual(found(query), calls)
    })
  }

  it('accepts a span of time, including its start and excluding its end', () => {
    const calls = findCalls(all, '', { from: 10_000, to: 30_000 })
    assert.deepEqual(
      calls.map(({ callId }) => callId),
      ['two@host'],
    )
  })
})
