/**
 * Runs batches inside an isolate: reads the records, calls the script's methods, writes verdicts and log lines. The
 * script's side (javascript-handler.ts, python/) says how a method is called.
 */
import { decodeUtf8, encodeUtf8, SIPMessage } from '@siplet/sipmsg'
import type { FunctionReply } from '../../wire/function-call.ts'
import { RequestReader } from '../../wire/request.ts'
import { type LogLevel, type VerdictError, VerdictWriter } from '../../wire/verdict.ts'
import { refusal, STACK_OVERFLOW } from './outcome.ts'
import { type ExecState, SIPMsg, useSIPMsgHost } from './sipmsg-proxy.ts'

/** The ways out for call_function. Both take a FunctionCall as JSON and return a FunctionReply as JSON. */
export interface FunctionGates {
  /** Runs the function on the thread the isolate runs on. */
  direct(call: string): string
  /** isolated-vm's Reference: blocks the isolate's own thread until the engine's thread has answered. */
  waiting: { applySyncPromise(receiver: undefined, args: [string]): string }
}

/**
 * What every prelude is given by script-side.ts, whatever the script's language: what verdicts are written to; how long
 * a batch may run before it ends early, so that each message has its own time, in milliseconds; the gates.
 */
export type RunnerSetup = [
  area: SharedArrayBuffer,
  maxResultBytes: number,
  sliceMs: number,
  maxFunctionCalls: number,
  direct: FunctionGates['direct'],
  waiting: FunctionGates['waiting'],
]

/**
 * Calls a method of the script's object. Returns its code, or why there is none.
 *
 * @throws IsolateEnd where the isolate cannot go on
 */
export type CallMethod = (name: string, msg: SIPMsg, extra: string | null) => number | VerdictError

/** Ends the batch, and with it the isolate. */
export class IsolateEnd extends Error {
  /** The answer of the exec that was under way; without one the engine makes it, by how the isolate ended. */
  readonly answer: VerdictError | undefined

  constructor(message: string, answer?: VerdictError) {
    super(message)
    this.answer = answer
  }
}

const now = Date.now
const requests = new RequestReader()
let output: VerdictWriter
let sliceMs: number
/** Log lines are taken while something of the script runs on the engine's behalf. */
let listening = false
let callMethod: CallMethod

/** A gate never throws, except where the thread behind it was ended. The exec that noticed must not be answered. */
let hostGone = false

/** The gate of the batch under way. */
let callFunction: (call: string) => string
let gates: FunctionGates

export function setupRunner(
  [area, maxResultBytes, slice, maxFunctionCalls, direct, waiting]: RunnerSetup,
  call: CallMethod,
): void {
  output = new VerdictWriter(area, maxResultBytes)
  sliceMs = slice
  gates = { direct, waiting }
  callMethod = call
  useSIPMsgHost({
    maxFunctionCalls,
    callFunction(call) {
      try {
        return JSON.parse(callFunction(JSON.stringify(call))) as FunctionReply
      } catch (thrown) {
        // The script called it where the stack was nearly used up.
        if (thrown instanceof RangeError && thrown.message === STACK_OVERFLOW) throw thrown
        hostGone = true
        return {
          error: 'ERR_SIPLET_CHILD_LOST',
          message: 'call_function(): nobody is there to answer any more',
        }
      }
    },
  })
}

/** Log lines of the top level, of mod_init and of child_init go where those of an exec go. */
export function listen(): void {
  output.start()
  output.begin()
  listening = true
}

/** An init function of the script begins: its log lines are taken. */
export function startListening(): void {
  listening = true
}

export function stopListening(): void {
  listening = false
}

export function writeLog(level: LogLevel, text: string): void {
  if (listening) output.log(level, encodeUtf8(text))
}

/**
 * Runs a batch; its verdicts stand in the area. Ends early where the time slice or the area is used up.
 *
 * @param wait whether call_function goes through the waiting gate: the isolate is on a thread of its own then
 */
export function runBatch(wait: boolean, batch: string): void {
  callFunction = wait ? (call) => gates.waiting.applySyncPromise(undefined, [call]) : gates.direct
  output.start()
  requests.start(batch)
  const start = now()
  for (let index = 0; ; index++) {
    runNext(index)
    if (requests.done) break
    const ms = now() - start
    output.endedAt(ms)
    if (!output.roomForNext || ms >= sliceMs) break
  }
}

function runNext(index: number): void {
  const request = requests.next()
  const exec: ExecState = {
    calls: 0,
    index,
    route: request.route,
    srcIp: request.srcIp,
    srcPort: request.srcPort,
    dstIp: request.dstIp,
    dstPort: request.dstPort,
  }
  const msg = new SIPMsg(exec, new SIPMessage(request.message), null)
  output.begin()
  listening = true
  let ended: IsolateEnd | undefined
  let answer: number | VerdictError
  try {
    const extra = request.extra === null ? null : decodeUtf8(request.extra)
    answer = callMethod(decodeUtf8(request.method), msg, extra)
  } catch (thrown) {
    if (!(thrown instanceof IsolateEnd) || thrown.answer === undefined) throw thrown
    ended = thrown
    answer = thrown.answer
  }
  listening = false
  if (hostGone) throw new Error('the host is gone')
  const code = typeof answer === 'number' ? answer : -1
  const error = typeof answer === 'number' ? null : answer
  const { message, dstUri } = SIPMsg.result(msg)
  if (!output.verdict(code, dstUri === null ? null : encodeUtf8(dstUri), message.splices, error)) {
    const text = `${decodeUtf8(request.method)}() made edits or an error larger than limits.maxResultBytes`
    output.verdict(-1, null, [], refusal('ERR_SIPLET_RESULT_TOO_LARGE', text))
  }
  if (ended !== undefined) throw ended
}
