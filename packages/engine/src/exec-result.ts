import { SIPMessage, type Splice } from '@siplet/sipmsg'
import type { SipletError } from './errors.ts'
import type { LogLine } from './wire/verdict.ts'

/** The message of a result: a SIPMessage that can be sent with Node. */
export class ResultMessage extends SIPMessage {
  /** The whole message, edits applied. */
  toBuffer(): Buffer {
    return Buffer.from(this.text, 'latin1')
  }
}

/** How long a batch ran, for one of its messages. */
export type RunTime = Pick<ExecResult, 'us' | 'sharedBy'>

/** What the engine answers an exec with. */
export class ExecResult {
  /** What the method returned: > 0 true, < 0 false, 0 stop. -1 wherever `error` is set. */
  readonly code: number
  /** Why there is no return value; null where there is one. */
  readonly error: SipletError | null
  /** The next hop that set_dst_uri gave, null without one. */
  readonly dstUri: string | null
  /** Rank of the child that ran the method; 0 where none did. */
  readonly child: number
  /** Lines the script logged during this exec. */
  readonly logs: readonly LogLine[]
  /**
   * Microseconds in the isolate: the run time of the batch, shared evenly by the messages of the batch. What ended the
   * child (time limit, memory) has its own time, and those of its batch share what was before, to the millisecond.
   */
  readonly us: number
  /** Messages of the batch; with 1, `us` is the time of this message alone. */
  readonly sharedBy: number
  readonly #source: Uint8Array | string | SIPMessage
  readonly #splices: readonly Splice[]
  #message: ResultMessage | undefined

  /** @param source what was handed in: parsed, or bytes or text that did not get that far */
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

  /** `code` in the words of the OpenSIPS script language. */
  get verdict(): 'true' | 'false' | 'stop' {
    return this.code > 0 ? 'true' : this.code < 0 ? 'false' : 'stop'
  }

  /** Whether the script (or a function it called) changed the message. */
  get edited(): boolean {
    return this.#splices.length > 0
  }

  /**
   * The message with the edits; untouched parts are byte-identical to what was handed in. Parsed when asked for.
   *
   * @throws SIPMessageError ERR_SIPLET_NOT_SIP where what was handed in is not SIP
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
