/**
 * Isolation `thread`: the isolate in a worker thread. Each rank has a piscina of exactly one thread, so that a rank
 * stays where it is and survives its worker's replacement; which rank a message goes to is decided by dispatch/.
 * Piscina starts children and replaces workers; batches and verdicts stand in memory shared with the worker, and go
 * through a mailbox.
 */
import { MessageChannel, type MessagePort } from 'node:worker_threads'
import { Piscina } from 'piscina'
import type { PendingExec } from '../dispatch/pending-exec.ts'
import type { Functions } from '../functions/functions.ts'
import type { ChildSpec, RunEnd, StartResult } from '../isolate/child.ts'
import { VerdictReader } from '../wire/verdict.ts'
import type { Child } from './child.ts'
import { records } from './inline.ts'
import { Mailbox } from './mailbox.ts'
import type { FunctionRequest, NewInput, StartTask } from './thread-worker.ts'

const INPUT_BYTES = 1 << 20
const START_ATTEMPTS = 3
/** The worker beside this file, with the extension that this file has: .ts in the repository, .js when published. */
const WORKER = new URL(`./thread-worker${import.meta.url.slice(-3)}`, import.meta.url).href

export class ThreadChild implements Child {
  readonly rank: number
  readonly verdicts: VerdictReader
  readonly #spec: ChildSpec
  readonly #functions: Functions
  readonly #callFunctionTimeoutMs: number
  readonly #pool: Piscina
  #input = Buffer.from(new SharedArrayBuffer(INPUT_BYTES))
  #port: MessagePort | undefined
  #mailbox = new Mailbox()
  #ended: ((end: RunEnd) => void) | undefined
  #batch: readonly PendingExec[] = []

  constructor(spec: ChildSpec, functions: Functions, callFunctionTimeoutMs: number) {
    this.rank = spec.rank
    this.verdicts = new VerdictReader(spec.area)
    this.#spec = spec
    this.#functions = functions
    this.#callFunctionTimeoutMs = callFunctionTimeoutMs
    this.#pool = new Piscina({
      filename: WORKER,
      minThreads: 1,
      maxThreads: 1,
      idleTimeout: Number.POSITIVE_INFINITY,
      concurrentTasksPerWorker: 1,
      // Between two tasks the worker's event loop must come to the mailbox.
      atomics: 'disabled',
      recordTiming: false,
      env: {},
    })
    this.#pool.on('workerDestroy', () => this.#workerEnded())
    // The worker ended outside of a task: what was under way is answered with that, above.
    this.#pool.on('error', () => {})
  }

  async start(): Promise<StartResult> {
    let cause: unknown
    // A worker that is about to end still takes tasks; the next attempt finds the one that replaced it.
    for (let attempt = 0; attempt < START_ATTEMPTS; attempt++) {
      try {
        return await this.#startInWorker()
      } catch (error) {
        cause = error
      }
    }
    return {
      ok: false,
      code: 'ERR_SIPLET_CHILD_LOST',
      message: `the worker of child ${this.rank} ended while it started: ${(cause as Error).message}`,
      stack: '',
    }
  }

  run(batch: readonly PendingExec[]): RunEnd | Promise<RunEnd> {
    const port = this.#port
    if (port === undefined) return 'lost'
    const text = records(batch)
    if (text.length > this.#input.length) {
      const input = new SharedArrayBuffer(2 * text.length)
      this.#input = Buffer.from(input)
      port.postMessage({ input } satisfies NewInput)
    }
    this.#input.write(text, 0, 'latin1')
    this.#batch = batch
    // Nothing else keeps the process alive while a batch is under way.
    port.ref()
    return new Promise((resolve) => {
      this.#ended = resolve
      this.#mailbox.send(text.length, batch.length)
    })
  }

  #batchEnded(end: RunEnd): void {
    this.#port?.unref()
    this.#ended?.(end)
    this.#ended = undefined
  }

  #workerEnded(): void {
    this.#port?.close()
    this.#port = undefined
    this.#batchEnded('lost')
  }

  #startInWorker(): Promise<StartResult> {
    this.#port?.close()
    this.#mailbox = new Mailbox()
    const { port1, port2 } = new MessageChannel()
    this.#port = port1
    const answered = new Int32Array(new SharedArrayBuffer(4))
    port1.on('message', (message: RunEnd | FunctionRequest) => {
      if (typeof message === 'string') this.#batchEnded(message)
      else this.#callFunction(port1, answered, message)
    })
    port1.unref()
    const task: StartTask = {
      spec: this.#spec,
      input: this.#input.buffer as unknown as SharedArrayBuffer,
      port: port2,
      answered,
      callFunctionTimeoutMs: this.#callFunctionTimeoutMs,
      mailbox: this.#mailbox.memory,
    }
    return this.#pool.run(task, { name: 'start', transferList: [port2] as never })
  }

  async close(): Promise<void> {
    this.#port?.close()
    await this.#pool.destroy()
  }

  async #callFunction(port: MessagePort, answered: Int32Array, { id, call }: FunctionRequest): Promise<void> {
    const reply = await this.#functions.call(this.rank, this.#batch, JSON.parse(call))
    port.postMessage({ id, reply: JSON.stringify(reply) })
    Atomics.store(answered, 0, id)
    Atomics.notify(answered, 0)
  }
}
