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

/** Worker → engine; `call` is a FunctionCall as JSON, as the isolate gave it. */
export interface FunctionRequest {
  id: number
  /** Number of the batch that it is of, from 1 with each start of the child; 0 before the first. */
  batch: number
  call: string
}

/** Engine → worker; `reply` is a FunctionReply as JSON. */
export interface FunctionAnswer {
  id: number
  reply: string
}

let child: IsolateChild | undefined
let input: Buffer
/** Batches since the child started. */
let batches = 0

/**
 * Starts the child, or starts it anew with everything fresh. Once piscina has taken the result, the thread belongs to
 * the mailbox, until a batch ends the child.
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
        // Answers to calls that were given up on may come late.
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

/** Ends the child; the thread stays for another. */
export function vacate(): void {
  child?.dispose()
  child = undefined
}

/** Runs the batch that stands in `input`. */
function run(port: MessagePort, length: number, count: number): RunEnd {
  batches++
  while (length > input.length) {
    const { input: larger }: Partial<NewInput> = receiveMessageOnPort(port)!.message
    // A late answer to a call_function may stand before it.
    if (larger !== undefined) input = Buffer.from(larger)
  }
  return child!.run(input.toString('latin1', 0, length), count)
}

/** The name in a call that was waited for in vain. */
function calledName(call: string): string {
  try {
    return String(JSON.parse(call).name)
  } catch {
    return 'a function'
  }
}
