/** All messages of a dialog run in one child and in capture order, for any number of children. */
import assert from 'node:assert/strict'
import { rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createEngine } from '@siplet/engine'
import {
  CaptureEncoder,
  createCaptureStats,
  LINKTYPE,
  udpFrames,
} from '../../../packages/cli/src/capture/index.ts'
import { replay } from '../../../packages/cli/src/replay/replay.ts'
import { handler, scriptFile } from '../../support/engine.ts'
import { inviteOf } from '../../support/messages.ts'

const CALLS = 300
const ROUNDS = 12

/**
 * Counts the messages of each Call-ID that the child has run. Returns the count, which includes the current message.
 */
const COUNTING = handler(`
  seen: new Map(),
  request_route(msg) {
    const count = (this.seen.get(msg.CallID) ?? 0) + 1
    this.seen.set(msg.CallID, count)
    // Some messages take longer, so that children overtake one another.
    if (count % 5 === 0) for (let k = 0; k < 20_000; k++) Math.sqrt(k)
    return count
  }`)

describe('a replay in several children', () => {
  const path = join(tmpdir(), `siplet-order-${process.pid}.pcap`)
  before(() => {
    const encoder = new CaptureEncoder({ format: 'pcap', linktype: LINKTYPE.RAW })
    const frames = Array.from({ length: CALLS * ROUNDS }, (_, k) => {
      const payload = Buffer.from(inviteOf(`call-${k % CALLS}@example.com`))
      const datagram = { src: ['192.0.2.10', 5060], dst: ['192.0.2.1', 5060], payload } as const
      return encoder.frame(k, 0, udpFrames(datagram, { linktype: LINKTYPE.RAW })[0]!)
    })
    writeFileSync(path, Buffer.concat([encoder.header, ...frames]))
  })
  after(() => rmSync(path))

  for (const isolation of ['inline', 'thread', 'process'] as const) {
    it(`runs all messages of a call in one child and in order, and returns results in capture order: ${isolation}`, async () => {
      await using engine = await createEngine({
        scriptName: scriptFile(COUNTING),
        children: 4,
        isolation,
        // No time limit of a busy machine decides here.
        limits: { timeoutMs: 10_000 },
      })
      const frames: number[] = []
      const counts = new Map<string, number[]>()
      const children = new Map<string, Set<number>>()
      const options = {
        captures: [path],
        requestMethod: 'request_route',
        replyMethod: null,
        limit: Number.POSITIVE_INFINITY,
      }
      for await (const messages of replay(engine, createCaptureStats(), options)) {
        for (const { captured, message, result } of messages) {
          assert.equal(result!.error, null)
          frames.push(captured.frame)
          counts.set(message.callId!, [...(counts.get(message.callId!) ?? []), result!.code])
          children.set(message.callId!, (children.get(message.callId!) ?? new Set()).add(result!.child))
        }
      }
      assert.deepEqual(
        frames,
        Array.from({ length: CALLS * ROUNDS }, (_, k) => k + 1),
      )
      const inOrder = Array.from({ length: ROUNDS }, (_, k) => k + 1)
      for (const [callId, found] of counts) assert.deepEqual(found, inOrder, callId)
      for (const [callId, ranks] of children) assert.equal(ranks.size, 1, callId)
      assert.deepEqual(new Set([...children.values()].flatMap((ranks) => [...ranks])), new Set([1, 2, 3, 4]))
    })
  }
})
