/**
 * The program of a worker in isolation `thread`: runs one isolate. A piscina task starts the isolate; batches come
 * through the mailbox.
 */
import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads'
import { timedOut } from '../functions/timed-out.ts'
import type { ChildSpec, RunEnd, StartResult } from '../isolate/host/child-spec.ts'
import { IsolateChild } from '../isolate/host/isolate-child.ts'
import { serve } from './mailbox.ts'

export interface StartTask {
  spec: ChildSpec
  /** Memory into which the engine writes batches, as one-byte text. */
  input: SharedArrayBuffer
  /**
   * Carries RunEnd and FunctionRequest messages to the engine, NewInput and FunctionAnswer messages to the worker.
   */
  port: MessagePort
  /** Id of the last call_function that was answered; notified. */
  answered: Int32Array
  callFunctionTimeoutMs: number
  /** Memory of the mailbox (mailbox.ts). */
  mailbox: SharedArrayBuffer
}

/** Engine → worker: larger memory for batches, sent before a batch that is longer than `input`. */
export interface NewInput {
  input: SharedArrayBuffer
}

/** Worker → engine: a call of call_function. `call` is a FunctionCall as JSON, exactly as the isolate passed it. */
export interface FunctionRequest {
  id: number
  /** Number of the batch of this call. Each start of the child begins again with 1; 0 stands for the start itself. */
  batch: number
  call: string
}

/** Engine → worker: `reply` is a FunctionReply as JSON. */
export interface FunctionAnswer {
  id: number
  reply: string
}

let child: IsolateChild | undefined
let input: Buffer
/** Number of batches since the child started. */
let batches = 0

/**
 * Starts the child, or starts it again with a new isolate. After piscina has received the result, the thread serves
 * the mailbox until a batch ends the isolate.
 */
export function start(task: StartTask): StartResult {
  const { spec, port, answered, callFunctionTimeoutMs, mailbox } = task
  child?.dispose()
  input = Buffer.from(task.input)
  batches = 0
  let lastId = 0
  const direct = (call: string): string => {
    const id = ++lastId
    const deadline = performance.now() + callFunctionTimeoutMs
    port.postMessage({ id, batch: batches, call } satisfies FunctionRequest)
    for (;;) {
      const seen = Atomics.load(answered, 0)
      for (let received = receiveMessageOnPort(port); received; received = receiveMessageOnPort(port)) {
        const answer: Partial<FunctionAnswer> = received.message
        // The answer to a call that timed out may arrive late.
        if (answer.id === id) return answer.reply!
      }
      const left = deadline - performance.now()
      if (left <= 0) return JSON.stringify(timedOut(calledName(call), callFunctionTimeoutMs))
      Atomics.wait(answered, 0, seen, left)
    }
  }
  child = new IsolateChild(spec, { direct, waiting: async (call) => direct(call) })
  const result = child.start()
  const ended = (end: RunEnd) => port.postMessage(end)
  if (result.ok) setImmediate(serve, mailbox, (length, count) => run(port, length, count), ended)
  return result
}

/** Ends the child. The thread stays available for another child. */
export function vacate(): void {
  child?.dispose()
  child = undefined
}

/** Runs the batch in `input`. */
function run(port: MessagePort, length: number, count: number): RunEnd {
  batches++
  while (length > input.length) {
    const { input: larger }: Partial<NewInput> = receiveMessageOnPort(port)!.message
    // A late answer to a call_function may precede the larger memory.
    if (larger !== undefined) input = Buffer.from(larger)
  }
  return child!.run(input.toString('latin1', 0, length), count)
}

/** Returns the function name of a call that timed out. */
function calledName(call: string): string {
  try {
    return String(JSON.parse(call).name)
  } catch {
    return 'a function'
  }
}
