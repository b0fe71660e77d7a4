/**
 * The content of a report file, as the writer writes it and the page reads it. Everything is text of an element whose
 * type no browser runs: base64 of gzip. So the HTML contains no text of a capture directly.
 *
 *   <script type="application/gzip" id="block-0">     MessageDetail[]: the first messages, in order
 *   <script type="application/gzip" id="block-1">     the next ones
 *   <script type="application/gzip" id="index">       one ReportIndex
 *
 * The index is unpacked when the page opens, a block when one of its messages is shown.
 */

export const DATA_TYPE = 'application/gzip'
export const INDEX_ID = 'index'

export function blockId(block: number): string {
  return `block-${block}`
}

/** The decision of a script about a message. An error has precedence over the -1 that comes with it. */
export const DECISIONS = ['true', 'false', 'stop', 'error', 'not run'] as const
export type Decision = (typeof DECISIONS)[number]

/** Bits of the `flags` column. */
export const FLAG = {
  EDITED: 1,
  /** The body is a session description. */
  SDP: 2,
  /** The same bytes were seen before in the same call, from the same address. */
  RETRANSMISSION: 4,
  /** The script logged something about the message. */
  LOGGED: 8,
} as const

/** One number per message and column. Columns of text hold indexes into `strings`, or -1 for none. */
export interface MessageColumns {
  frame: number[]
  file: number[]
  /** Microseconds since `start`. */
  time: number[]
  transport: number[]
  /** ip:port, with IPv6 in brackets. */
  src: number[]
  dst: number[]
  /** For a reply, the method of its CSeq. */
  method: number[]
  /** 0 for requests. */
  status: number[]
  reason: number[]
  cseq: number[]
  /** Index into `calls`. */
  call: number[]
  ruri: number[]
  /** -1 also if the script did not change the Request-URI. */
  ruriOut: number[]
  dstUri: number[]
  /** The method of the script. -1 if none was called. */
  exec: number[]
  code: number[]
  /** Code, message and place of the error. */
  error: number[]
  flags: number[]
  /** Tenths of microseconds in the isolate. */
  tenths: number[]
}

/** One entry per Call-ID, in order of appearance. */
export interface CallColumns {
  callId: number[]
  /** URIs of From and To of the first message. */
  from: number[]
  to: number[]
}

/** Messages per decision (in the order of DECISIONS) in spans of equal length. */
export interface TimelineData {
  /** Length of a span in milliseconds. */
  width: number
  /** Start of each span that has messages, in widths since 1970, ascending. */
  spans: number[]
  counts: number[][]
}

/** Run times of all executed messages, in bins whose width grows by a constant factor. */
export interface LatencyData {
  /** Upper bound of bin k is `binBase ** k` microseconds. */
  binBase: number
  /** Number of the first bin. */
  firstBin: number
  counts: number[]
  /** Microseconds. Null if nothing was executed. */
  percentiles: { p50: number; p90: number; p99: number; p999: number; max: number; mean: number } | null
}

export interface ReportIndex {
  version: 1
  script: string
  captures: string[]
  /** Time at which the report was written, in ISO 8601. */
  written: string
  /** Time of the first message: seconds since 1970, with nine decimals. */
  start: string
  totals: { messages: number; requests: number; replies: number; edited: number; dstUri: number }
  /** Messages per decision, in the order of DECISIONS. */
  decisions: number[]
  /**
   * Number of messages in the list, and number of those whose text is stored. Both count from the start of the replay.
   */
  listed: number
  withText: number
  /** First message of each block, ascending. */
  blocks: number[]
  /** Sentences about everything else that was left out. */
  notes: string[]
  strings: string[]
  messages: MessageColumns
  calls: CallColumns
  timeline: TimelineData
  latency: LatencyData
}

/** What is shown of one message in addition to its columns. */
export interface MessageDetail {
  /** The message as captured, as one-byte text. */
  raw: string
  /** The edits of `raw`: start, end (exclusive), one-byte text. */
  splices: [start: number, end: number, text: string][]
  /** Rank of the child that ran the method. 0 if none did. */
  child: number
  /** Number of messages in the batch, which share its time. */
  sharedBy: number
  error: { code: string; message: string; stack: string } | null
  logs: [level: string, text: string][]
}
