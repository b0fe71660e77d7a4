/** A captured message with the decision of the script. A replay hands these to its consumers. */
import type { ExecResult } from '@siplet/engine'
import type { SIPMessage } from '@siplet/sipmsg'
import type { CapturedMessage } from '../capture/index.ts'

/** The fields of an NDJSON line, in this order. Their names and meanings are stable. */
export interface NDJSONLine {
  /** Number of the frame in which the message ended, counted from 1. */
  frame: number
  file: string
  /** Seconds since 1970, with nine decimals. */
  time: string
  transport: 'udp' | 'tcp' | 'ws'
  src: readonly [string, number]
  dst: readonly [string, number]
  type: 'SIP_REQUEST' | 'SIP_REPLY'
  /** For a reply, the method of its CSeq. */
  method: string | null
  /** Null for requests. */
  status: number | null
  /** Request-URI as captured. Null for replies. */
  ruri: string | null
  callId: string | null
  cseq: string | null
  /** The method that was called. Null if none was called. */
  exec: string | null
  /** The return value. Null if no method was called. */
  code: number | null
  /** The Request-URI after the call. Null for replies, and if no method was called. */
  ruriOut: string | null
  dstUri: string | null
  edited: boolean
  error: { code: string; message: string } | null
  /** Microseconds in the isolate. Null if no method was called. */
  us: number | null
  /** Calls of call_function with their results. Absent if there were none. */
  functions?: readonly string[]
}

/** The parts of a replayed message. */
interface Parts {
  captured: CapturedMessage
  /** The message as captured. */
  message: SIPMessage
  /** The method that was called. Null if none was called. */
  exec: string | null
  /** Null if no method was called. */
  result: ExecResult | null
  /** See NDJSONLine.functions. */
  functions?: readonly string[]
}

export class ReplayedMessage implements Readonly<Parts> {
  readonly captured: CapturedMessage
  readonly message: SIPMessage
  readonly exec: string | null
  readonly result: ExecResult | null
  readonly functions: readonly string[]
  #line: NDJSONLine | undefined

  constructor({ captured, message, exec, result, functions = [] }: Parts) {
    this.captured = captured
    this.message = message
    this.exec = exec
    this.result = result
    this.functions = functions
  }

  /** The line that `--ndjson` writes, computed on first use. */
  get line(): NDJSONLine {
    this.#line ??= lineOf(this)
    return this.#line
  }
}

function lineOf({ captured, message, exec, result, functions }: ReplayedMessage): NDJSONLine {
  const { frame, file, time, transport, src, dst } = captured
  return {
    frame,
    file,
    time,
    transport,
    src,
    dst,
    type: message.type,
    method: message.method ?? message.cseqMethod,
    status: message.status,
    ruri: message.ruri,
    callId: message.callId,
    cseq: message.cseq,
    exec,
    code: result?.code ?? null,
    ruriOut: result === null ? null : result.edited ? result.message.ruri : message.ruri,
    dstUri: result?.dstUri ?? null,
    edited: result?.edited ?? false,
    error: errorOf(message, result),
    us: result === null ? null : Math.round(result.us * 10) / 10,
    ...(functions.length > 0 && { functions }),
  }
}

function errorOf(message: SIPMessage, result: ExecResult | null): NDJSONLine['error'] {
  if (result?.error) return { code: result.error.code, message: result.error.message }
  if (message.truncatedIn !== 'head') return null
  return {
    code: 'ERR_SIPLET_MESSAGE_TRUNCATED',
    message: 'the message ends within its head: it was not executed',
  }
}
