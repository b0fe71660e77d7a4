/**
 * What a report file holds, as the writer puts it in and the page reads it. Everything is text of an element whose
 * type no browser runs: gzip in base64, so that nothing of a capture ever stands in the HTML.
 *
 *   <script type="application/gzip" id="block-0">     MessageDetail[]: the first messages, in order
 *   <script type="application/gzip" id="block-1">     the next ones
 *   <script type="application/gzip" id="index">       one ReportIndex
 *
 * The index is unpacked when the page opens, a block when one of its messages is looked at.
 */

export const DATA_TYPE = 'application/gzip'
export const INDEX_ID = 'index'

export function blockId(block: number): string {
  return `block-${block}`
}

/** What a script decided on a message; an error wins over the -1 it comes with. */
export const DECISIONS = ['true', 'false', 'stop', 'error', 'not run'] as const
export type Decision = (typeof DECISIONS)[number]

/** Bits of the `flags` column. */
export const FLAG = {
  EDITED: 1,
  /** The body is a session description. */
  SDP: 2,
  /** The same bytes were seen before in the same call, from the same address. */
  RETRANSMISSION: 4,
  /** The script logged on it. */
  LOGGED: 8,
} as const

/** One number per message and column. Columns of text hold places in `strings`, -1 where there is none. */
export interface MessageColumns {
  frame: number[]
  file: number[]
  /** Microseconds since `start`. */
  time: number[]
  transport: number[]
  /** ip:port, IPv6 in brackets. */
  src: number[]
  dst: number[]
  /** Of a reply: the method of its CSeq. */
  method: number[]
  /** 0 on requests. */
  status: number[]
  reason: number[]
  cseq: number[]
  /** Place in `calls`. */
  call: number[]
  ruri: number[]
  /** -1 also where the script left the Request-URI as it was. */
  ruriOut: number[]
  dstUri: number[]
  /** The method of the script; -1 where none was called. */
  exec: number[]
  code: number[]
  /** Code, message and place of the error. */
  error: number[]
  flags: number[]
  /** Tenths of microseconds in the isolate. */
  tenths: number[]
}

/** One entry per Call-ID, in the order in which they appear. */
export interface CallColumns {
  callId: number[]
  /** URIs of From and To, of the first message. */
  from: number[]
  to: number[]
}

/** Messages per decision (in the order of DECISIONS) in spans of equal length. */
export interface TimelineData {
  /** Length of a span: milliseconds. */
  width: number
  /** Start of each span that has messages, in widths since 1970; ascending. */
  spans: number[]
  counts: number[][]
}

/** Run times of all messages that were executed, in bins that widen by a constant factor. */
export interface LatencyData {
  /** Upper bound of bin k: `binBase ** k` microseconds. */
  binBase: number
  /** Number of the first bin. */
  firstBin: number
  counts: number[]
  /** Microseconds; null where nothing was executed. */
  percentiles: { p50: number; p90: number; p99: number; p999: number; max: number; mean: number } | null
}

export interface ReportIndex {
  version: 1
  script: string
  captures: string[]
  /** When the report was written: ISO 8601. */
  written: string
  /** Seconds since 1970 of the first message, with nine decimals. */
  start: string
  totals: { messages: number; requests: number; replies: number; edited: number; dstUri: number }
  /** Messages per decision, in the order of DECISIONS. */
  decisions: number[]
  /** Messages that are listed, and those of them whose text is there; the first ones of the replay. */
  listed: number
  withText: number
  /** First message of each block; ascending. */
  blocks: number[]
  /** Other things left out, in words. */
  notes: string[]
  strings: string[]
  messages: MessageColumns
  calls: CallColumns
  timeline: TimelineData
  latency: LatencyData
}

/** What is shown of one message beside its columns. */
export interface MessageDetail {
  /** As captured: one-byte text. */
  raw: string
  /** The edits against `raw`: start, end (exclusive), one-byte text. */
  splices: [start: number, end: number, text: string][]
  /** Rank of the child that ran the method; 0 where none did. */
  child: number
  /** Messages of the batch, whose time they share. */
  sharedBy: number
  error: { code: string; message: string; stack: string } | null
  logs: [level: string, text: string][]
}
