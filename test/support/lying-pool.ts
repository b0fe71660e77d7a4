/**
 * A pool process that lies. It answers like the real one, with a script whose methods return the rank, until a message
 * asks it to send something else.
 */
import { Socket } from 'node:net'
import { encodeFrame, FROM_ENGINE, type Frame, FrameReader } from '../../packages/engine/src/wire/frame.ts'
import { RequestReader } from '../../packages/engine/src/wire/request.ts'
import { areaSnapshot } from '../../packages/engine/src/wire/snapshot.ts'
import {
  BEGUN,
  COMMITTED,
  createVerdictArea,
  RECORDS_START,
  VerdictWriter,
} from '../../packages/engine/src/wire/verdict.ts'

const MAX_RESULT_BYTES = 4_096
const channel = new Socket({ fd: 3 })
const area = createVerdictArea(MAX_RESULT_BYTES)
const writer = new VerdictWriter(area, MAX_RESULT_BYTES)
const limits = { kinds: FROM_ENGINE, maxPayload: Number.POSITIVE_INFINITY }
const reader = new FrameReader(limits, take, () => process.exit(1))
channel.on('data', (chunk: Buffer) => reader.push(chunk))
channel.on('close', () => process.exit(0))
setInterval(() => {}, 1_000)

const u32 = (value: number) => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}

function started(rank: number): Buffer {
  writer.start()
  const snapshot = areaSnapshot(area)
  const result = { ok: true, methods: ['route'], asyncMethods: [] }
  return encodeFrame('STARTED', rank, 0, u32(snapshot.length), snapshot, Buffer.from(JSON.stringify(result)))
}

function ended(rank: number, batch: string): Buffer {
  const requests = new RequestReader()
  requests.start(batch)
  writer.start()
  while (!requests.done) {
    requests.next()
    writer.begin()
    writer.verdict(rank, null, [], null)
  }
  return encodeFrame('ENDED', rank, 0, areaSnapshot(area))
}

/** Frames that replace the end of the batch. */
const LIES: Record<string, (rank: number, batch: string) => Buffer[]> = {
  'a frame of 4 GiB': () => [u32(0xffff_ffff)],
  'a frame without a head': () => [u32(2), Buffer.alloc(8)],
  'random bytes': () => [Buffer.from(Array.from({ length: 5_000 }, () => Math.random() * 256))],
  'a frame of the engine': (rank) => [encodeFrame('REPLY', rank, 0, Buffer.from('{}'))],
  'a frame of a rank that there is not': (rank, batch) => [ended(77, batch), ended(rank, batch)],
  'a lie of another child': (_, batch) => [ended(2, batch)],
  'that the child started': (rank) => [started(rank)],
  'an end that there is not': (rank) => [encodeFrame('ENDED', rank, 9, areaSnapshot(area))],
  'an end without an area': (rank) => [encodeFrame('ENDED', rank, 0)],
  'a mark larger than the area': (rank) => [encodeFrame('MARK', rank, 0, Buffer.alloc(area.byteLength + 1))],
  'results of nothing': (rank) => [encodeFrame('ENDED', rank, 0, Buffer.alloc(16))],
  'an area of nonsense': (rank) => [encodeFrame('ENDED', rank, 0, Buffer.alloc(64, 7))],
  'a call with a number twice': (rank) => [
    encodeFrame('CALL', rank, 5, Buffer.from(CALL)),
    encodeFrame('CALL', rank, 5, Buffer.from(CALL)),
  ],
  'a call that is none': (rank, batch) => [
    encodeFrame('CALL', rank, 5, Buffer.from([0xff, 0, 1])),
    ended(rank, batch),
  ],
  'a call that is too long': (rank) => [encodeFrame('CALL', rank, 5, Buffer.alloc(3 * area.byteLength, 'x'))],
  'calls without end': (rank) =>
    Array.from({ length: 200 }, (_, i) => encodeFrame('CALL', rank, i + 1, Buffer.from(CALL))),
}

/** Frames that are sent every 10 ms instead of the end of the batch. */
const REPEATED: Record<string, (rank: number, times: number) => Buffer[]> = {
  'back and forth': (rank, times) => [mark(rank, times % 2)],
  'more execs than were sent': (rank, times) => [mark(rank, times + 2)],
  'malformed calls': (rank, times) => [
    mark(rank, 1),
    encodeFrame('CALL', rank, times, Buffer.from('nonsense')),
  ],
  'long calls': (rank, times) => [
    mark(rank, 1),
    encodeFrame('CALL', rank, times, Buffer.alloc(area.byteLength + 1, 'x')),
  ],
  'a byte more': (rank, times) => [mark(rank, 1, Math.floor(times / 20))],
}

/** Returns a mark with these numbers of begun execs and of result bytes. */
function mark(rank: number, begun: number, committed = 0): Buffer {
  const snapshot = Buffer.alloc(RECORDS_START + committed)
  snapshot.writeInt32LE(committed, COMMITTED * 4)
  snapshot.writeInt32LE(begun, BEGUN * 4)
  return encodeFrame('MARK', rank, 0, snapshot)
}
const CALL = '{"index":0,"name":"f","args":[],"dstUri":null,"splices":[]}'

function take({ kind, rank, payload }: Frame): void {
  if (kind === 'START') {
    channel.write(started(rank))
    if (process.argv[2] === 'short life') setTimeout(() => process.exit(0), 20)
  }
  if (kind !== 'RUN') return
  const batch = payload.toString('latin1')
  if (/X-Lie: then/.test(batch)) {
    // No batch runs when the second end arrives.
    channel.write(Buffer.concat([ended(rank, batch), ended(rank, batch)]))
    return
  }
  const repeated = /X-Repeat: ([^\r]*)/.exec(batch)
  if (repeated !== null) {
    const say = REPEATED[repeated[1]!]!
    let times = 0
    setInterval(() => channel.write(Buffer.concat(say(rank, ++times))), 10)
    return
  }
  if (/X-Long: idle/.test(batch)) {
    // Sends the head and one byte of a frame that is expected only while a batch runs.
    channel.write(
      Buffer.concat([ended(rank, batch), encodeFrame('ENDED', rank, 0, Buffer.alloc(4_096)).subarray(0, 12)]),
    )
    return
  }
  // Sends nothing about this child. Other children are answered.
  if (/X-Ignored: yes/.test(batch)) return
  const lie = /X-Lie: ([^\r]*)/.exec(batch)
  channel.write(lie === null ? ended(rank, batch) : Buffer.concat(LIES[lie[1]!]!(rank, batch)))
}
