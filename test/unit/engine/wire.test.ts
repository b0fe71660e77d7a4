/** The wire between engine and child, in both directions. */
import assert from 'node:assert/strict'
import { SIPMessage, type Splice } from '@siplet/sipmsg'
import fc from 'fast-check'
import { encodeFrame, type FrameKind, FrameReader } from '../../../packages/engine/src/wire/frame.ts'
import { encodeRequest, type Request, RequestReader } from '../../../packages/engine/src/wire/request.ts'
import {
  clearArea,
  createVerdictArea,
  ERROR_CODES,
  type Verdict,
  VerdictWriter,
} from '../../../packages/engine/src/wire/verdict.ts'
import { VerdictReader } from '../../../packages/engine/src/wire/verdict-reader.ts'

const oneByteText = (maxLength: number) =>
  fc.uint8Array({ maxLength }).map((bytes) => Buffer.from(bytes).toString('latin1'))
const ascii = (maxLength: number) => fc.stringMatching(/^[ -~]*$/, { maxLength })
const port = fc.nat(65_535)

const record = <T>(fields: { [K in keyof T]: fc.Arbitrary<T[K]> }) =>
  fc.record(fields, { noNullPrototype: true })

const request: fc.Arbitrary<Request> = record({
  route: fc.nat(3),
  method: ascii(255),
  srcIp: ascii(45),
  srcPort: port,
  dstIp: ascii(45),
  dstPort: port,
  extra: fc.option(oneByteText(50)),
  message: oneByteText(200),
})

/** After the start line of MESSAGE, in order. */
const splices = fc
  .array(fc.tuple(fc.nat(5), fc.nat(5), oneByteText(40)), { maxLength: 5 })
  .map((parts): Splice[] => {
    let at = START_LINE.length
    return parts.map(([kept, replaced, text]) => {
      const start = at + kept
      at = start + replaced
      return { start, end: at, text }
    })
  })

const verdict: fc.Arbitrary<Verdict> = fc.oneof(
  record<Verdict>({
    code: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
    dstUri: fc.option(fc.stringMatching(/^[!-~]{1,60}$/)),
    splices,
    error: fc.constant(null),
  }),
  record<Verdict>({
    code: fc.constant(-1),
    dstUri: fc.constant(null),
    splices,
    error: record({ code: fc.constantFrom(...ERROR_CODES), message: ascii(30), stack: ascii(30) }),
  }),
)

const START_LINE = 'INVITE sip:bob@example.org SIP/2.0\r\n'
const EXEC = { message: new SIPMessage(`${START_LINE}Subject: ${'x'.repeat(60)}\r\n\r\n`) }
const batchOf = (count: number) => Array.from({ length: count }, () => EXEC)

describe('the wire', () => {
  it('carries any batch of requests', () => {
    fc.assert(
      fc.property(fc.array(request, { maxLength: 10 }), (requests) => {
        const reader = new RequestReader()
        reader.start(requests.map(encodeRequest).join(''))
        const read: Request[] = []
        while (!reader.done) read.push({ ...reader.next() })
        assert.deepEqual(read, requests)
      }),
    )
  })

  it('reports when the last finished exec of the current batch ended', () => {
    const area = createVerdictArea(4_096)
    const [writer, reader] = [new VerdictWriter(area, 4_096), new VerdictReader(area, 4_096)]
    const endedMs = () => reader.read([], false).endedMs
    writer.start()
    for (const ms of [0, 3]) writer.endedAt(ms)
    assert.equal(endedMs(), 3)
    writer.start()
    assert.equal(endedMs(), 0)
    writer.endedAt(7)
    clearArea(area)
    assert.equal(endedMs(), 0)
  })

  it('carries any batch of verdicts, each with the log lines of its exec', () => {
    const logged = fc.tuple(verdict, fc.array(ascii(20), { maxLength: 3 }))
    fc.assert(
      fc.property(
        fc.array(logged, { maxLength: 10 }),
        fc.array(ascii(20), { maxLength: 2 }),
        (execs, unfinished) => {
          const area = createVerdictArea(4_096)
          const writer = new VerdictWriter(area, 4_096)
          writer.start()
          for (const [{ code, dstUri, splices, error }, logs] of execs) {
            writer.begin()
            for (const text of logs) assert.ok(writer.log('INFO', text))
            assert.ok(writer.verdict(code, dstUri, splices, error))
          }
          writer.begin()
          for (const text of unfinished) writer.log('ERR', text)
          const lines = (level: string, texts: string[]) => texts.map((text) => ({ level, text }))
          assert.deepEqual(new VerdictReader(area, 4_096).read(batchOf(execs.length + 1), false), {
            outcomes: execs.map(([expected, logs]) => ({ ...expected, logs: lines('INFO', logs) })),
            unfinished: true,
            unfinishedLogs: lines('ERR', unfinished),
            endedMs: 0,
            malformed: undefined,
          })
        },
      ),
    )
  })

  it('refuses a verdict larger than the result limit, and keeps earlier ones', () => {
    const area = createVerdictArea(4_096)
    const writer = new VerdictWriter(area, 4_096)
    writer.start()
    writer.begin()
    assert.ok(writer.verdict(1, null, [], null))
    writer.begin()
    assert.equal(writer.verdict(1, 'x'.repeat(5_000), [], null), false)
    assert.ok(writer.verdict(2, null, [], null))
    assert.deepEqual(
      new VerdictReader(area, 4_096).read(batchOf(2), true).outcomes.map(({ code }) => code),
      [1, 2],
    )
  })

  it('a chatty script loses log lines, not its verdict', () => {
    const area = createVerdictArea(4_096)
    const writer = new VerdictWriter(area, 4_096)
    writer.start()
    writer.begin()
    let taken = 0
    while (writer.log('DBG', 'x'.repeat(100))) taken++
    assert.ok(taken > 10)
    assert.ok(writer.verdict(1, 'sip:a', [{ start: 0, end: 1, text: 'x'.repeat(1_000) }], null))
  })

  it('splits frames from a stream of single bytes, and keeps no more of a long frame than its bytes', () => {
    const kinds: readonly FrameKind[] = ['MARK', 'CALL']
    const sent = [
      encodeFrame('CALL', 1, 7, Buffer.from('one')),
      encodeFrame('MARK', 2, 0),
      encodeFrame('CALL', 3, 8, Buffer.alloc(300, 1)),
    ]
    const taken: Buffer[] = []
    const reader = new FrameReader(
      { kinds, maxPayload: 2 ** 24 },
      ({ kind, rank, number, payload }) => taken.push(encodeFrame(kind, rank, number, payload)),
      assert.fail,
    )
    for (const byte of Buffer.concat(sent)) reader.push(Buffer.from([byte]))
    assert.deepEqual(taken, sent)
    reader.push(encodeFrame('MARK', 1, 0, Buffer.alloc(2 ** 22)).subarray(0, 11))
    const before = process.memoryUsage().heapUsed
    for (let i = 0; i < 2_000_000; i++) reader.push(Buffer.from([0]))
    // A Buffer of one byte takes about a hundred bytes.
    assert.ok(process.memoryUsage().heapUsed - before < 100 * 2 ** 20)
  })

  it('ends at the head of an unexpected frame, and at a frame that is too long', () => {
    const ends: string[] = []
    for (const length of [4, 11]) {
      const reader = new FrameReader(
        { kinds: ['MARK'], maxPayload: 1_024, expects: (_, rank) => rank === 1 },
        () => assert.fail(),
        (what) => ends.push(what),
      )
      reader.push(
        encodeFrame('MARK', length === 4 ? 1 : 2, 0, Buffer.alloc(length === 4 ? 2_000 : 500)).subarray(
          0,
          length,
        ),
      )
      reader.push(Buffer.alloc(3_000))
    }
    assert.deepEqual(ends, ['a frame of 2007 bytes', 'an unexpected MARK'])
  })
})
