import { SIPMessage, type Splice } from '@siplet/sipmsg'
import type { SipletError } from './errors.ts'
import type { LogLine } from './wire/verdict.ts'

/** The message of a result: a SIPMessage with a Node Buffer for sending. */
export class ResultMessage extends SIPMessage {
  /** Returns the whole message, with all edits applied. */
  toBuffer(): Buffer {
    return Buffer.from(this.text, 'latin1')
  }
}

/** Run time of a batch, for one exec of the batch. */
export type RunTime = Pick<ExecResult, 'us' | 'sharedBy'>

/** The result of an exec. */
export class ExecResult {
  /** Return value of the method: > 0 true, < 0 false, 0 stop. It is -1 if `error` is set. */
  readonly code: number
  /** Why the method has no return value; null if it has one. */
  readonly error: SipletError | null
  /** The next hop that set_dst_uri set; null if none was set. */
  readonly dstUri: string | null
  /** Rank of the child that ran the method; 0 if no child ran it. */
  readonly child: number
  /** Lines that the script logged during this exec. */
  readonly logs: readonly LogLine[]
  /**
   * Microseconds in the isolate: the run time of the batch, shared evenly by the execs of the batch. An exec that
   * ended its isolate (time limit, memory) has its own time. The other execs of its batch share the time before it,
   * to the millisecond.
   */
  readonly us: number
  /** Number of execs in the batch. If it is 1, `us` is the time of this exec alone. */
  readonly sharedBy: number
  readonly #source: Uint8Array | string | SIPMessage
  readonly #splices: readonly Splice[]
  #message: ResultMessage | undefined

  /** @param source the message passed to exec: parsed, or as bytes or text if it was refused before parsing */
  constructor(
    source: Uint8Array | string | SIPMessage,
    outcome: {
      code: number
      error: SipletError | null
      dstUri: string | null
      splices: readonly Splice[]
      logs: readonly LogLine[]
    },
    child: number,
    { us, sharedBy }: RunTime,
  ) {
    this.code = outcome.code
    this.error = outcome.error
    this.dstUri = outcome.dstUri
    this.logs = outcome.logs
    this.child = child
    this.us = us
    this.sharedBy = sharedBy
    this.#source = source
    this.#splices = outcome.splices
  }

  /** `code` in the terms of the OpenSIPS script language. */
  get verdict(): 'true' | 'false' | 'stop' {
    return this.code > 0 ? 'true' : this.code < 0 ? 'false' : 'stop'
  }

  /** Whether the script, or a function that it called, changed the message. */
  get edited(): boolean {
    return this.#splices.length > 0
  }

  /**
   * The message with all edits. Bytes outside of the edits are identical to the original. It is parsed on first
   * access.
   *
   * @throws SIPMessageError ERR_SIPLET_NOT_SIP if the message passed to exec is not SIP
   */
  get message(): ResultMessage {
    if (this.#message === undefined) {
      const source = this.#source
      this.#message = new ResultMessage(typeof source === 'string' ? Buffer.from(source) : source)
      if (this.edited) this.#message.restoreSplices(this.#splices)
    }
    return this.#message
  }
}
