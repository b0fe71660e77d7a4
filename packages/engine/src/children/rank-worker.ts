/**
 * Runs the isolate of one rank in a worker thread. Each rank has a piscina pool of exactly one thread. So the isolate
 * stays in its thread, and the rank survives the replacement of its worker. dispatch/ decides which rank runs an
 * exec. Piscina starts children and replaces workers. Batches and verdicts are in memory shared with the worker; a
 * mailbox signals them.
 */
import { MessageChannel, type MessagePort, type Worker } from 'node:worker_threads'
import { Piscina } from 'piscina'
import type { ChildSpec, RunEnd, StartResult } from '../isolate/host/child-spec.ts'
import { giveBackShared, takeShared } from '../wire/shared-memory.ts'
import { Mailbox } from './mailbox.ts'
import type { FunctionRequest, NewInput, StartTask } from './worker-main.ts'

const INPUT_BYTES = 1 << 20
const UNREF_MS = 100
/**
 * The worker's file, next to this file and with the same extension: .ts in the repository, .js in the published
 * package.
 */
const WORKER = new URL(`./worker-main${import.meta.url.slice(-3)}`, import.meta.url).href

/** Order to start the child of a worker, for the first time or again. */
export interface WorkerOrder {
  spec: ChildSpec
  callFunctionTimeoutMs: number
  /** Answers call_function: takes a FunctionCall as JSON and returns a FunctionReply as JSON. Never rejects. */
  call(call: string): Promise<string>
}

export class RankWorker {
  readonly #pool: Piscina
  #input = Buffer.from(takeShared(INPUT_BYTES))
  #port: MessagePort | undefined
  /** The worker that a caller waits for. It keeps the event loop alive; the port of a thread that ended does not. */
  #awaited: Worker | undefined
  /** Aborts the current piscina task. */
  #abort: AbortController | undefined
  #mailbox = new Mailbox()
  #ended: ((end: RunEnd) => void) | undefined
  #abandoned = false
  /** Number of batches since the child started. A FunctionRequest names its batch. */
  #batches = 0

  /**
   * @param env environment of the thread
   * @param code the code of the thread, with the exports of worker-main.ts
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
      // Between two tasks, the worker's event loop must run so that it can serve the mailbox.
      atomics: 'disabled',
      recordTiming: false,
      env,
    })
    this.#pool.on('workerDestroy', () => this.#workerEnded())
    // The worker ended outside of a task. The handler above has already answered the running batch.
    this.#pool.on('error', () => {})
  }

  /** Builds the isolate. Replaces an existing one. */
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
   * Runs a batch. Afterwards its verdicts are in the area of the spec.
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
      // The worker may have ended in the meantime, and the batch with it.
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
   * Ends the isolate and keeps the thread for another child. Must be called while no batch is running. Returns false
   * if that failed; the caller must then close the worker.
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
   * Reports the current run or start as lost and abandons the thread, because nothing may be able to end it. The
   * memory that it shares with this thread must not be reused.
   *
   * @returns a promise that resolves when the thread has ended
   */
  abandon(): Promise<void> {
    this.#abandoned = true
    this.#workerEnded()
    const { threads } = this.#pool
    const ended = this.#pool.destroy()
    // Node (in terminate()) and piscina (when its port has closed) both make the thread keep the process alive again.
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

  /** Whether a batch or a task is in progress. */
  get busy(): boolean {
    return this.#ended !== undefined || this.#abort !== undefined
  }

  async close(): Promise<void> {
    if (this.#abandoned) return
    this.#port?.close()
    await this.#pool.destroy()
    // Larger buffers have many different sizes, so they are not pooled.
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

  /**
   * Runs a piscina task. Rejects if the worker ends: piscina alone would leave a task waiting for a worker that ends
   * while it starts.
   */
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
    // After a batch that ended as `done`, the worker still waits for the next one.
    this.#mailbox.stop()
    this.#mailbox = new Mailbox()
    this.#batches = 0
    const { port1, port2 } = new MessageChannel()
    this.#port = port1
    const answered = new Int32Array(new SharedArrayBuffer(4))
    port1.on('message', (message: RunEnd | FunctionRequest) => {
      if (typeof message === 'string') this.#batchEnded(message)
      // A call of an earlier batch is too late: its worker no longer waits, and the current message is a different
      // one.
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
    // The isolate decides what it passes. A value that is not a string becomes an empty text, which is not valid
    // JSON.
    const reply = await answer(typeof call === 'string' ? call : '')
    port.postMessage({ id, reply })
    Atomics.store(answered, 0, id)
    Atomics.notify(answered, 0)
  }
}
