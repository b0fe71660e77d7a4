/** The wire between engine and child, both directions. */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { encodeRequest, type Request, RequestReader } from '../../../packages/engine/src/wire/request.ts'
import {
  clearArea,
  createVerdictArea,
  type Verdict,
  VerdictReader,
  VerdictWriter,
} from '../../../packages/engine/src/wire/verdict.ts'

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

const verdict: fc.Arbitrary<Verdict> = record({
  code: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
  dstUri: fc.option(ascii(60)),
  splices: fc.array(record({ start: fc.nat(), end: fc.nat(), text: oneByteText(40) }), { maxLength: 5 }),
  error: fc.option(
    record({
      code: fc.constantFrom('ERR_SIPLET_SCRIPT' as const, 'ERR_SIPLET_METHOD_NOT_FOUND' as const),
      message: ascii(30),
      stack: ascii(30),
    }),
  ),
})

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

  it('tells when the last exec that ended did, of the batch under way', () => {
    const area = createVerdictArea(4_096)
    const [writer, reader] = [new VerdictWriter(area, 4_096), new VerdictReader(area)]
    writer.start()
    for (const ms of [0, 3]) writer.endedAt(ms)
    assert.equal(reader.endedMs, 3)
    writer.start()
    assert.equal(reader.endedMs, 0)
    writer.endedAt(7)
    clearArea(area)
    assert.equal(reader.endedMs, 0)
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
          assert.deepEqual(new VerdictReader(area).read(), {
            outcomes: execs.map(([expected, logs]) => ({ ...expected, logs: lines('INFO', logs) })),
            unfinished: true,
            unfinishedLogs: lines('ERR', unfinished),
          })
        },
      ),
    )
  })

  it('takes no verdict larger than an exec may answer, and keeps what was there', () => {
    const area = createVerdictArea(4_096)
    const writer = new VerdictWriter(area, 4_096)
    writer.start()
    writer.begin()
    assert.ok(writer.verdict(1, null, [], null))
    writer.begin()
    assert.equal(writer.verdict(1, 'x'.repeat(5_000), [], null), false)
    assert.ok(writer.verdict(2, null, [], null))
    assert.deepEqual(
      new VerdictReader(area).read().outcomes.map(({ code }) => code),
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
})
