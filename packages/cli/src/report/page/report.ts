/** Gives access to the index by message and by call. */
import { DECISIONS, type Decision, FLAG, type MessageColumns, type ReportIndex } from '../format.ts'
import { type CallState, callState } from './call-state.ts'

/** The messages of one Call-ID. */
export interface Call {
  readonly number: number
  /** Null for the messages without a Call-ID. */
  readonly callId: string | null
  readonly from: string | null
  readonly to: string | null
  /** Indexes of its messages in the columns, in capture order. */
  readonly messages: number[]
  readonly state: CallState
  /** Microseconds since the start of the report. */
  readonly start: number
  readonly duration: number
  /** Numbers of messages, by what the script did. */
  readonly edited: number
  readonly rerouted: number
  readonly decisions: Record<Decision, number>
  /** The longest run of the script, in microseconds. */
  readonly slowest: number
}

type TextColumn = Exclude<
  keyof MessageColumns,
  'frame' | 'time' | 'status' | 'call' | 'code' | 'flags' | 'tenths'
>

export class Report {
  readonly index: ReportIndex
  readonly calls: readonly Call[]

  constructor(index: ReportIndex) {
    this.index = index
    const messages: number[][] = index.calls.callId.map(() => [])
    for (const [message, call] of index.messages.call.entries()) messages[call]!.push(message)
    this.calls = messages.map((of, number) => this.#call(number, of))
  }

  /** Time of the earliest message in microseconds since `index.start`. Captures need not be in order of time. */
  get earliest(): number {
    return this.calls.reduce((earliest, { start }) => Math.min(earliest, start), 0)
  }

  /** Number of messages in the list. */
  get length(): number {
    return this.index.listed
  }

  text(column: TextColumn, message: number): string | null {
    return this.string(this.index.messages[column][message]!)
  }

  string(place: number): string | null {
    return place < 0 ? null : this.index.strings[place]!
  }

  callOf(message: number): Call {
    return this.calls[this.index.messages.call[message]!]!
  }

  has(message: number, flag: number): boolean {
    return (this.index.messages.flags[message]! & flag) !== 0
  }

  decision(message: number): Decision {
    const { error, exec, code } = this.index.messages
    if (error[message]! >= 0) return 'error'
    if (exec[message]! < 0) return 'not run'
    return code[message]! > 0 ? 'true' : code[message]! < 0 ? 'false' : 'stop'
  }

  /** Returns the text for a ladder diagram: the method, or status and reason. */
  title(message: number): string {
    const status = this.index.messages.status[message]!
    const name =
      status === 0 ? (this.text('method', message) ?? '') : `${status} ${this.text('reason', message) ?? ''}`
    return this.has(message, FLAG.SDP) ? `${name.trimEnd()} (SDP)` : name.trimEnd()
  }

  #call(number: number, messages: number[]): Call {
    const { time, tenths, flags, dstUri } = this.index.messages
    const decisions = Object.fromEntries(DECISIONS.map((decision) => [decision, 0])) as Record<
      Decision,
      number
    >
    let edited = 0
    let rerouted = 0
    let slowest = 0
    let last = time[messages[0]!]!
    for (const message of messages) {
      decisions[this.decision(message)]++
      if (flags[message]! & FLAG.EDITED) edited++
      if (dstUri[message]! >= 0) rerouted++
      slowest = Math.max(slowest, tenths[message]! / 10)
      last = Math.max(last, time[message]!)
    }
    const first = messages[0]!
    const { callId, from, to } = this.index.calls
    return {
      number,
      callId: this.string(callId[number]!),
      from: this.string(from[number]!),
      to: this.string(to[number]!),
      messages,
      state: callState(this, messages),
      start: time[first]!,
      duration: last - time[first]!,
      edited,
      rerouted,
      decisions,
      slowest,
    }
  }
}
