import assert from 'node:assert/strict'
import { SipletError } from '@siplet/engine'
import { createCaptureStats } from '../../../packages/cli/src/capture/index.ts'
import { type ReplaySummary, SummaryCollector } from '../../../packages/cli/src/output/summary.ts'
import { leftOut, summaryText } from '../../../packages/cli/src/output/summary-text.ts'
import { INVITE } from '../../support/messages.ts'
import { replayed } from '../../support/replayed.ts'

const REST = {
  captures: ['calls.pcap'],
  script: 'handler.ts',
  seconds: 1,
  endedEarly: false,
  children: [],
  passedOver: { filter: 0, retransmission: 0 },
  notWritten: 0,
  differences: null,
}

describe('the summary of a replay', () => {
  async function summed(...messages: Parameters<SummaryCollector['write']>[0][number][]) {
    const collector = new SummaryCollector()
    await collector.write(messages)
    const summary: ReplaySummary = collector.summary(REST, createCaptureStats())
    return { summary, text: summaryText(summary, collector.details, process.stdout) }
  }

  it('names the slowest messages, but only the first one of a batch, because its messages share one time', async () => {
    const batch = { us: 40, sharedBy: 3 }
    const { summary, text } = await summed(
      replayed(1, INVITE, {}, { us: 10, sharedBy: 1 }),
      replayed(2, INVITE, {}, batch),
      replayed(3, INVITE, {}, batch),
      replayed(4, INVITE, {}, batch),
      replayed(5, INVITE, {}, { us: 90, sharedBy: 1 }),
    )
    assert.deepEqual(
      summary.slowest.map(({ frame, us, sharedBy }) => [frame, us, sharedBy]),
      [
        [5, 90, 1],
        [2, 40, 3],
        [1, 10, 1],
      ],
    )
    assert.match(
      text,
      /slowest: frame 5 INVITE 90 µs, frame 2 INVITE 40 µs each of a batch of 3, frame 1 INVITE 10 µs/,
    )
  })

  it('does not become wider because of a method of 50,000 letters', async () => {
    const odd = INVITE.toString().replaceAll('INVITE', 'X'.repeat(50_000))
    const { text } = await summed(replayed(1, odd, {}, { us: 10, sharedBy: 1 }))
    const rows = text.split('\n').filter((line) => line.startsWith('│'))
    assert.equal(rows.length, 2)
    for (const row of rows) assert.ok(row.length < 200, `${row.length} characters`)
  })

  it('shows the mean for few batches, because their percentiles would be equal', async () => {
    const one = { us: 40, sharedBy: 3 }
    const batch = [1, 2, 3].map((frame) => replayed(frame, INVITE, {}, one))
    const single = await summed(...batch)
    assert.deepEqual([single.summary.batches, single.summary.latencyUs!.mean], [1, 40])
    assert.match(single.text, /Time in the script:\n {2}40 µs per message on average \(1 batch of 3\)\n$/)
    const two = await summed(...batch, replayed(4, INVITE, {}, { us: 80, sharedBy: 1 }))
    assert.equal(two.summary.batches, 2)
    assert.match(
      two.text,
      / {2}50 µs per message on average \(4 messages in 2 batches\)\n {2}slowest: frame 4 INVITE 80 µs, frame 1/,
    )
    const alone = await summed(
      ...[10, 20, 30].map((us, k) => replayed(k + 1, INVITE, {}, { us, sharedBy: 1 })),
    )
    assert.match(alone.text, / {2}p50 20 µs, p90 30 µs, .*, longest 30 µs\n/)
  })

  it('names at most five of the slowest messages', async () => {
    const { summary } = await summed(
      ...Array.from({ length: 100 }, (_, k) =>
        replayed(k + 1, INVITE, {}, { us: (k * 37) % 100, sharedBy: 1 }),
      ),
    )
    assert.deepEqual(
      summary.slowest.map(({ us }) => us),
      [99, 98, 97, 96, 95],
    )
  })

  it('has a row for each method, and one row for the rest if a capture has a thousand methods', async () => {
    const { summary, text } = await summed(
      replayed(1, INVITE, {}),
      ...Array.from({ length: 1_000 }, (_, k) => replayed(k + 2, INVITE.replaceAll('INVITE', `M${k}`), {})),
    )
    assert.equal(summary.messages, 1_001)
    assert.match(text, /│ INVITE +│ +1 │/)
    assert.match(text, /│ others +│ +969 │/)
    assert.ok(text.split('\n').length < 80)
  })

  it('counts errors by the line of the script that V8 or Python names', async () => {
    const failure = (frame: number, stack: string) =>
      replayed(frame, INVITE, { code: -1, error: new SipletError('ERR_SIPLET_SCRIPT', 'no', { stack }) })
    const { text } = await summed(
      failure(
        1,
        'Error: no\n    at lookup (/routing/table.ts:3:9)\n    at Router.request_route (/routing/handler.ts:7:12)',
      ),
      failure(2, 'Error: no\n    at lookup (/routing/table.ts:3:21)'),
      failure(3, 'Error: no\n    at /routing/handler.ts:9:1'),
      failure(
        4,
        'Traceback (most recent call last):\n  File "/routing/handler.py", line 8, in request_route\n  File "/routing/my table.py", line 3, in lookup\nValueError: no',
      ),
    )
    assert.deepEqual(/Errors by line of the script:\n([\s\S]*?)\n\n/.exec(text)![1]!.split('\n'), [
      '  /routing/table.ts:3  2 messages, first frame 1',
      '  /routing/handler.ts:9  1 message, first frame 3',
      '  /routing/my table.py:3  1 message, first frame 4',
    ])
  })

  it('rounds seconds to microseconds', () => {
    const rest = { ...REST, seconds: 0.018492917999999976 }
    assert.equal(new SummaryCollector().summary(rest, createCaptureStats()).seconds, 0.018493)
  })

  it('reports skipped frames, datagrams and keep-alives in words, with singular and plural', () => {
    const collector = new SummaryCollector()
    const stats = createCaptureStats()
    Object.assign(stats.skipped, { notSIP: 1, keepAlive: 2_000, linktype: 1 })
    assert.deepEqual(leftOut(collector.summary(REST, stats)), [
      '1 frame of an unsupported link layer',
      '1 datagram without SIP on port 5060 or 5061',
      '2,000 keep-alives',
    ])
  })

  it('shows control characters of a capture as escapes', async () => {
    // The second control character is U+009B in UTF-8.
    const uri = 'sip:\x1b[2J\xc2\x9b31m@example.net'
    const { text } = await summed(
      replayed(1, INVITE.replace('sip:bob@example.net', uri), { dstUri: 'sip:192.0.2.1' }),
      replayed(2, INVITE, { code: -1, error: new SipletError('ERR_SIPLET_SCRIPT', 'no\x07\nroute') }),
    )
    assert.match(text, /frame 1 {2}INVITE sip:\\u001b\[2J\\u009b31m@example\.net/)
    assert.match(text, /no\\u0007\\nroute/)
    assert.doesNotMatch(text, /[\x00-\x09\x0b-\x1a\x7f-\x9f]/)
  })
})
