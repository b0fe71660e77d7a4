/**
 * The isolate of one rank in a worker thread. Each rank has a piscina of exactly one thread, so that it stays where it
 * is and survives its worker's replacement; which rank a message goes to is decided by dispatch/. Piscina starts
 * children and replaces workers; batches and verdicts stand in memory shared with the worker, and go through a mailbox.
 */
import { MessageChannel, type MessagePort, type Worker } from 'node:worker_threads'
import { Piscina } from 'piscina'
import type { ChildSpec, RunEnd, StartResult } from '../isolate/host/child.ts'
import { giveBackShared, takeShared } from '../wire/shared-memory.ts'
import { Mailbox } from './mailbox.ts'
import type { FunctionRequest, NewInput, StartTask } from './thread-worker.ts'

const INPUT_BYTES = 1 << 20
const UNREF_MS = 100
/** The worker beside this file, with the extension that this file has: .ts in the repository, .js when published. */
const WORKER = new URL(`./thread-worker${import.meta.url.slice(-3)}`, import.meta.url).href

/** What a worker is started with, for the first time or again. */
export interface WorkerOrder {
  spec: ChildSpec
  callFunctionTimeoutMs: number
  /** Answers call_function: JSON of a FunctionCall in, JSON of a FunctionReply out; never rejects. */
  call(call: string): Promise<string>
}

export class RankWorker {
  readonly #pool: Piscina
  #input = Buffer.from(takeShared(INPUT_BYTES))
  #port: MessagePort | undefined
  /** Whose end or answer somebody waits for; keeps the process alive meanwhile, which a port of a thread that ended does not. */
  #awaited: Worker | undefined
  /** Of the piscina task under way. */
  #abort: AbortController | undefined
  #mailbox = new Mailbox()
  #ended: ((end: RunEnd) => void) | undefined
  #abandoned = false
  /** Batches since the child started; a FunctionRequest names the one that it is of. */
  #batches = 0

  /**
   * @param env environment of the thread
   * @param code what the thread runs; it has the exports of thread-worker.ts
   */
  constructor(
    env: Record<string, string>,
    code: { filename: string; workerData?: unknown } = { filename: WORKER },
  ) {
    this.#pool = new Piscina({
      ...code,
      minThreads: 1,
      maxThreads: 1,
      idleTimeout: Number.POSITIVE_INFINITY,
      concurrentTasksPerWorker: 1,
      // Between two tasks the worker's event loop must come to the mailbox.
      atomics: 'disabled',
      recordTiming: false,
      env,
    })
    this.#pool.on('workerDestroy', () => this.#workerEnded())
    // The worker ended outside of a task: what was under way is answered with that, above.
    this.#pool.on('error', () => {})
  }

  /** Builds the isolate, anew where there was one. */
  async start(order: WorkerOrder): Promise<StartResult> {
    try {
      return await this.#startInWorker(order)
    } catch (error) {
      return {
        ok: false,
        code: 'ERR_SIPLET_CHILD_LOST',
        message: `the worker of child ${order.spec.rank} ended while it started: ${(error as Error).message}`,
        stack: '',
      }
    }
  }

  /**
   * Runs a batch; its verdicts stand in the area of the spec afterwards.
   *
   * @param batch `count` records, as one-byte text or bytes
   */
  run(batch: string | Uint8Array, count: number): RunEnd | Promise<RunEnd> {
    const port = this.#port
    if (port === undefined) return 'lost'
    if (batch.length > this.#input.length) {
      const input = new SharedArrayBuffer(2 * batch.length)
      this.#input = Buffer.from(input)
      port.postMessage({ input } satisfies NewInput)
    }
    this.#batches++
    if (typeof batch === 'string') this.#input.write(batch, 0, 'latin1')
    else this.#input.set(batch)
    return new Promise((resolve) => {
      this.#ended = resolve
      // The worker may have ended meanwhile, and with it the batch.
      const underWay = () => this.#ended === resolve
      this.#mailbox.send(
        batch.length,
        count,
        () => underWay() && this.#batchEnded('done'),
        () => underWay() && this.#await(),
      )
    })
  }

  /**
   * Ends the isolate, and leaves the thread for another. To be called when no batch is under way. False where that
   * failed: the worker is to be closed then.
   */
  async vacate(): Promise<boolean> {
    this.#port?.close()
    this.#port = undefined
    this.#mailbox.stop()
    try {
      await this.#task('vacate', undefined)
      return true
    } catch {
      return false
    }
  }

  /**
   * Answers what is under way with a loss, and gives up the thread, which nothing may be able to end. The memory that it
   * shares with this thread must not be used for another one.
   *
   * @returns a promise that resolves when the thread has ended
   */
  abandon(): Promise<void> {
    this.#abandoned = true
    this.#workerEnded()
    const { threads } = this.#pool
    const ended = this.#pool.destroy()
    // Both Node, in terminate(), and piscina, once its port has closed, let the thread keep the process alive.
    const unref = setInterval(() => {
      for (const thread of threads) thread.unref()
    }, UNREF_MS).unref()
    const stop = () => clearInterval(unref)
    ended.then(stop, stop)
    return ended
  }

  get abandoned(): boolean {
    return this.#abandoned
  }

  /** Whether a batch or a task is under way. */
  get busy(): boolean {
    return this.#ended !== undefined || this.#abort !== undefined
  }

  async close(): Promise<void> {
    if (this.#abandoned) return
    this.#port?.close()
    await this.#pool.destroy()
    // Larger ones are of many sizes.
    if (this.#input.length === INPUT_BYTES) giveBackShared(this.#input.buffer as unknown as SharedArrayBuffer)
  }

  #await(): void {
    this.#awaited = this.#pool.threads[0]
    this.#awaited?.ref()
  }

  #awaitNoMore(): void {
    this.#awaited?.unref()
    this.#awaited = undefined
  }

  #batchEnded(end: RunEnd): void {
    this.#awaitNoMore()
    this.#ended?.(end)
    this.#ended = undefined
  }

  #workerEnded(): void {
    this.#port?.close()
    this.#port = undefined
    this.#batchEnded('lost')
    this.#abort?.abort()
  }

  /** Rejects where the worker ends meanwhile; piscina alone would leave a task waiting for a worker that ends as it starts. */
  async #task<T>(name: 'start' | 'vacate', data: unknown, transferList: MessagePort[] = []): Promise<T> {
    this.#abort = new AbortController()
    const { signal } = this.#abort
    this.#await()
    try {
      return await this.#pool.run(data, { name, transferList: transferList as never, signal })
    } finally {
      this.#abort = undefined
      this.#awaitNoMore()
    }
  }

  #startInWorker({ spec, callFunctionTimeoutMs, call }: WorkerOrder): Promise<StartResult> {
    this.#port?.close()
    // A child whose last batch was done still waits for the next one.
    this.#mailbox.stop()
    this.#mailbox = new Mailbox()
    this.#batches = 0
    const { port1, port2 } = new MessageChannel()
    this.#port = port1
    const answered = new Int32Array(new SharedArrayBuffer(4))
    port1.on('message', (message: RunEnd | FunctionRequest) => {
      if (typeof message === 'string') this.#batchEnded(message)
      // Of an earlier one it is too late: its worker waits no more, and its message is another one now.
      else if (message.batch === this.#batches) this.#callFunction(port1, answered, message, call)
    })
    port1.unref()
    const task: StartTask = {
      spec,
      input: this.#input.buffer as unknown as SharedArrayBuffer,
      port: port2,
      answered,
      callFunctionTimeoutMs,
      mailbox: this.#mailbox.memory,
    }
    return this.#task('start', task, [port2])
  }

  async #callFunction(
    port: MessagePort,
    answered: Int32Array,
    { id, call }: FunctionRequest,
    answer: WorkerOrder['call'],
  ): Promise<void> {
    // The isolate decides what it hands over; no call is no JSON.
    const reply = await answer(typeof call === 'string' ? call : '')
    port.postMessage({ id, reply })
    Atomics.store(answered, 0, id)
    Atomics.notify(answered, 0)
  }
}
