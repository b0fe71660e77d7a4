/** What runs in the worker thread of isolation `thread`: one isolate, driven by piscina tasks. */
import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads'
import { timedOut } from '../functions/timed-out.ts'
import { type ChildSpec, IsolateChild, type RunEnd, type StartResult } from '../isolate/child.ts'

export interface StartTask {
  spec: ChildSpec
  /** Where the engine writes batches, as one-byte text. */
  input: SharedArrayBuffer
  /** Carries FunctionRequest out and FunctionAnswer in. */
  port: MessagePort
  /** Id of the last call_function that was answered; notified. */
  answered: Int32Array
  callFunctionTimeoutMs: number
}

export interface RunTask {
  /** Bytes of the batch in `input`. */
  length: number
  /** Messages in the batch. */
  count: number
  /** Larger memory for batches, from now on. */
  input?: SharedArrayBuffer
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

/** Starts the child, or starts it anew with everything fresh. */
export function start({ spec, input, port, answered, callFunctionTimeoutMs }: StartTask): StartResult {
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
        const answer: FunctionAnswer = received.message
        // Answers to calls that were given up on may come late.
        if (answer.id === id) return answer.reply
      }
      const left = deadline - performance.now()
      if (left <= 0) return JSON.stringify(timedOut(JSON.parse(call).name, callFunctionTimeoutMs))
      Atomics.wait(answered, 0, seen, left)
    }
  }
  child = new IsolateChild(spec, { direct, waiting: async (call) => direct(call) })
  return child.start()
}

/** Runs the batch that stands in `input`. */
export function run({ length, count, input }: RunTask): RunEnd {
  if (input !== undefined) batches = Buffer.from(input)
  return child!.run(batches.toString('latin1', 0, length), count)
}
