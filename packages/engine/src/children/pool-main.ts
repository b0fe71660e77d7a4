/**
 * The program of the pool process: runs one worker thread per rank and exchanges frames with the engine
 * (wire/frame.ts) on file descriptor 3. It ends when the engine's end of the channel closes, for whatever reason.
 */
import { writeSync } from 'node:fs'
import { Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import { deserialize } from 'node:v8'
import { malformedCall, refusedForLength } from '../functions/function-calls.ts'
import { RUN_ENDS } from '../isolate/host/child-spec.ts'
import { withInterpreter } from '../script/micropython-module.ts'
import { encodeFrame, FROM_ENGINE, type Frame, FrameReader } from '../wire/frame.ts'
import { areaSnapshot } from '../wire/snapshot.ts'
import { checkedStartResult } from '../wire/start-result.ts'
import { clearArea, createVerdictArea } from '../wire/verdict.ts'
import { closeInheritedFiles } from './inherited-files.ts'
import type { PoolCode } from './pool-code.ts'
import type { StartOrder } from './process-child.ts'
import { RankWorker, type WorkerOrder } from './rank-worker.ts'

const CHANNEL_FD = 3
/** Interval at which the engine receives a mark for a running batch, in milliseconds. */
const MARK_MS = 10
const STDERR_FD = 2
const MIB = 2 ** 20
/** Path of pool-entry.cjs, which runs this code. */
const ENTRY = fileURLToPath(import.meta.url)
/**
 * Maximum resident memory of this process. V8 may allocate far more for an isolate than the limit of that isolate.
 */
const memoryBytes = Number(process.argv[2]) * MIB

interface Rank {
  worker: RankWorker
  order: WorkerOrder
  area: SharedArrayBuffer
  /** Time at which the running batch was started, as returned by performance.now(). Undefined while no batch runs. */
  runningSince: number | undefined
  /** Whether a start is in progress. The engine needs marks during that time, too. */
  starting: boolean
  replies: Map<number, (reply: string) => void>
  /** Number of the last call_function. The next call has a later number, in whatever process the rank lives then. */
  lastCall: number
}

const ranks = new Map<number, Rank>()
let channel: Socket
let threadCode: Pick<PoolCode, 'worker'>

/** Serves the engine until the engine's end of the channel closes. */
export function serveHost({ worker }: PoolCode): void {
  closeInheritedFiles(CHANNEL_FD + 1)
  process.umask(0o077)
  threadCode = { worker }
  channel = new Socket({ fd: CHANNEL_FD })
  // The engine is trusted, so its payloads may have any length.
  const reader = new FrameReader({ kinds: FROM_ENGINE, maxPayload: Number.POSITIVE_INFINITY }, take, die)
  channel.on('data', (chunk: Buffer) => reader.push(chunk))
  channel.on('error', die)
  channel.on('close', die)
  setInterval(mark, MARK_MS)
}

/** Ends this process by SIGKILL. process.exit would wait for worker threads, and one of them may be stuck. */
function die(): void {
  process.kill(process.pid, 'SIGKILL')
}

function take({ kind, rank, number, payload }: Frame): void {
  switch (kind) {
    case 'START':
      start(rank, number, payload)
      break
    case 'RUN':
      run(rank, payload, number)
      break
    case 'REPLY': {
      const { replies } = ranks.get(rank)!
      replies.get(number)?.(payload.toString())
      replies.delete(number)
      break
    }
  }
}

async function start(number: number, lastCall: number, order: Buffer): Promise<void> {
  const rank = ranks.get(number) ?? create(number, deserialize(order))
  rank.lastCall = lastCall
  rank.starting = true
  // The worker's description of the script must respect its limits as well.
  const result = checkedStartResult(await rank.worker.start(rank.order))
  rank.starting = false
  const snapshot = areaSnapshot(rank.area)
  const length = Buffer.allocUnsafe(4)
  length.writeUInt32LE(snapshot.length)
  channel.write(encodeFrame('STARTED', number, 0, length, snapshot, Buffer.from(JSON.stringify(result))))
}

function create(number: number, { spec, callFunctionTimeoutMs }: StartOrder): Rank {
  const area = createVerdictArea(spec.limits.maxResultBytes)
  const replies = new Map<number, (reply: string) => void>()
  const order: WorkerOrder = {
    spec: { ...spec, script: withInterpreter(spec.script), area },
    callFunctionTimeoutMs,
    call: (call) =>
      new Promise((resolve) => {
        const refusal =
          rank.runningSince === undefined
            ? malformedCall('no exec runs')
            : refusedForLength(call, spec.limits)
        if (refusal !== undefined) return resolve(JSON.stringify(refusal))
        const id = (rank.lastCall + 1) >>> 0
        rank.lastCall = id
        replies.set(id, resolve)
        channel.write(encodeFrame('CALL', number, id, Buffer.from(call)))
      }),
  }
  const worker = new RankWorker({}, { filename: ENTRY, workerData: threadCode })
  const rank: Rank = { worker, order, area, runningSince: undefined, starting: false, replies, lastCall: 0 }
  ranks.set(number, rank)
  return rank
}

async function run(number: number, batch: Buffer, count: number): Promise<void> {
  const rank = ranks.get(number)!
  // Clears the area now, because the worker may wake up late. Otherwise a mark could report verdicts of the previous
  // batch.
  clearArea(rank.area)
  rank.runningSince = performance.now()
  const end = await rank.worker.run(batch, count)
  rank.runningSince = undefined
  rank.replies.clear()
  channel.write(encodeFrame('ENDED', number, RUN_ENDS.indexOf(end), areaSnapshot(rank.area)))
}

function mark(): void {
  const rss = process.memoryUsage.rss()
  if (rss > memoryBytes) {
    writeSync(
      STDERR_FD,
      `Fatal: ${Math.round(rss / MIB)} MiB in memory, limits.processMemoryMb is ${memoryBytes / MIB}\n`,
    )
    die()
  }
  const before = performance.now() - MARK_MS
  for (const [number, { area, runningSince, starting }] of ranks) {
    if (starting || (runningSince !== undefined && runningSince <= before)) {
      channel.write(encodeFrame('MARK', number, 0, starting ? EMPTY : areaSnapshot(area)))
    }
  }
}

const EMPTY = Buffer.alloc(0)
