/** What runs in the worker thread of isolation `thread`: one isolate, started by a piscina task, fed by a mailbox. */
import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads'
import { timedOut } from '../functions/timed-out.ts'
import { type ChildSpec, IsolateChild, type RunEnd, type StartResult } from '../isolate/host/child.ts'
import { serve } from './mailbox.ts'

export interface StartTask {
  spec: ChildSpec
  /** Where the engine writes batches, as one-byte text. */
  input: SharedArrayBuffer
  /** Carries the RunEnd of each batch and FunctionRequest out, NewInput and FunctionAnswer in. */
  port: MessagePort
  /** Id of the last call_function that was answered; notified. */
  answered: Int32Array
  callFunctionTimeoutMs: number
  /** See mailbox.ts. */
  mailbox: SharedArrayBuffer
}

/** Engine → worker, before a batch that is longer than `input`: larger memory, from now on. */
export interface NewInput {
  input: SharedArrayBuffer
}

/** Worker → engine; `call` is a FunctionCall as JSON. */
export interface FunctionRequest {
  id: number
  call: string
}

/** Engine → worker; `reply` is a FunctionReply as JSON. */
export interface FunctionAnswer {
  id: number
  reply: string
}

let child: IsolateChild | undefined
let batches: Buffer

/**
 * Starts the child, or starts it anew with everything fresh. Once piscina has taken the result, the thread belongs to
 * the mailbox, until a batch ends the child.
 */
export function start(task: StartTask): StartResult {
  const { spec, input, port, answered, callFunctionTimeoutMs, mailbox } = task
  child?.dispose()
  batches = Buffer.from(input)
  let lastId = 0
  const direct = (call: string): string => {
    const id = ++lastId
    const deadline = performance.now() + callFunctionTimeoutMs
    port.postMessage({ id, call } satisfies FunctionRequest)
    for (;;) {
      const seen = Atomics.load(answered, 0)
      for (let received = receiveMessageOnPort(port); received; received = receiveMessageOnPort(port)) {
        const answer: Partial<FunctionAnswer> = received.message
        // Answers to calls that were given up on may come late.
        if (answer.id === id) return answer.reply!
      }
      const left = deadline - performance.now()
      if (left <= 0) return JSON.stringify(timedOut(JSON.parse(call).name, callFunctionTimeoutMs))
      Atomics.wait(answered, 0, seen, left)
    }
  }
  child = new IsolateChild(spec, { direct, waiting: async (call) => direct(call) })
  const result = child.start()
  const ended = (end: RunEnd) => port.postMessage(end)
  if (result.ok) setImmediate(serve, mailbox, (length, count) => run(port, length, count), ended)
  return result
}

/** Ends the child; the thread stays for another. */
export function vacate(): void {
  child?.dispose()
  child = undefined
}

/** Runs the batch that stands in `input`. */
function run(port: MessagePort, length: number, count: number): RunEnd {
  while (length > batches.length) {
    const { input }: Partial<NewInput> = receiveMessageOnPort(port)!.message
    // A late answer to a call_function may stand before it.
    if (input !== undefined) batches = Buffer.from(input)
  }
  return child!.run(batches.toString('latin1', 0, length), count)
}
