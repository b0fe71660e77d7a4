/** A message of a capture and what the script decided on it: what a replay hands to its consumers. */
import type { ExecResult } from '@siplet/engine'
import type { SIPMessage } from '@siplet/sipmsg'
import type { CapturedMessage } from '../capture/index.ts'

/** The fields of a line, in this order; they are a contract. */
export interface NDJSONLine {
  /** Number of the frame in which the message ended, from 1. */
  frame: number
  file: string
  /** Seconds since 1970, with nine decimals. */
  time: string
  transport: 'udp' | 'tcp' | 'ws'
  src: readonly [string, number]
  dst: readonly [string, number]
  type: 'SIP_REQUEST' | 'SIP_REPLY'
  /** Of a reply: the method of its CSeq. */
  method: string | null
  /** Null on requests. */
  status: number | null
  /** As captured; null on replies. */
  ruri: string | null
  callId: string | null
  cseq: string | null
  /** The method called; null where none was. */
  exec: string | null
  /** What it returned; null where none was called. */
  code: number | null
  /** The Request-URI it left; null on replies, and where none was called. */
  ruriOut: string | null
  dstUri: string | null
  edited: boolean
  error: { code: string; message: string } | null
  /** Microseconds in the isolate; null where none was called. */
  us: number | null
  /** What the script called by call_function, and what that returned; absent where it called nothing. */
  functions?: readonly string[]
}

/** What a message is made from. */
interface Parts {
  captured: CapturedMessage
  /** As captured. */
  message: SIPMessage
  /** The method that was called; null where none was. */
  exec: string | null
  /** Null where no method was called. */
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

  /** As `--ndjson` writes it; made when it is first asked for. */
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
