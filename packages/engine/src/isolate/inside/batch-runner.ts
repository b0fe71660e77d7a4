/**
 * Runs batches inside an isolate: reads the records, calls the methods of the script, writes verdicts and log lines.
 * The script's side (javascript-handler.ts, python/) implements the call of a method.
 */
import { decodeUtf8, encodeUtf8, SIPMessage } from '@siplet/sipmsg'
import type { FunctionReply } from '../../wire/function-call.ts'
import { RequestReader } from '../../wire/request.ts'
import { type LogLevel, type VerdictError, VerdictWriter } from '../../wire/verdict.ts'
import type { ExecState } from './exec-state.ts'
import { refusal, STACK_OVERFLOW } from './outcome.ts'
import { SIPMsg, useSIPMsgHost } from './sipmsg-proxy.ts'

/** The gates to the host for call_function. Both take a FunctionCall as JSON and return a FunctionReply as JSON. */
interface FunctionGates {
  /** Runs the function on the thread that runs the isolate. */
  direct(call: string): string
  /** An isolated-vm Reference. Blocks the isolate's thread until the engine's thread has answered. */
  waiting: { applySyncPromise(receiver: undefined, args: [string]): string }
}

/** What script-side.ts passes to every prelude: the area, the slice in milliseconds, the limits, and the gates. */
export type RunnerSetup = [
  area: SharedArrayBuffer,
  maxResultBytes: number,
  sliceMs: number,
  maxFunctionCalls: number,
  direct: FunctionGates['direct'],
  waiting: FunctionGates['waiting'],
]

/**
 * Calls a method of the handler object. Returns its code, or the error if there is no code.
 *
 * @throws IsolateEnd if the isolate cannot continue
 */
export type CallMethod = (name: string, msg: SIPMsg, extra: string | null) => number | VerdictError

/** Ends the batch, and with it the isolate. */
export class IsolateEnd extends Error {
  /** Error of the current exec. Without it, the engine derives the error from the way in which the isolate ended. */
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
/** Whether log lines are accepted: only while the script runs on behalf of the engine. */
let listening = false
let callMethod: CallMethod

/** A gate throws only if the thread behind it was ended. The exec that notices this must not get a verdict. */
let hostGone = false

/** The gate that the current batch uses. */
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
        // The script called the function when the stack was nearly used up.
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

/** Accepts log lines of the top level, mod_init and child_init. They go to the area, like those of an exec. */
export function listen(): void {
  output.start()
  output.begin()
  listening = true
}

/** Starts to accept log lines, because an init function of the script begins. */
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
 * Runs a batch. Afterwards its verdicts are in the area. Ends early if the slice or the area is used up.
 *
 * @param wait whether call_function uses the waiting gate, because the isolate runs on a thread of its own
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
