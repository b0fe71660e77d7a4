/** One line of JSON per SIP message, and where the lines go. */

import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import type { Writable } from 'node:stream'
import { finished } from 'node:stream/promises'
import { CLIError } from '../errors.ts'
import type { ReplayConsumer } from '../replay/consumer.ts'
import type { ReplayedMessage } from '../replay/replay.ts'

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
}

export function ndjsonLine({ captured, message, exec, result }: ReplayedMessage): NDJSONLine {
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
    error: lineError({ captured, message, exec, result }),
    us: result === null ? null : Math.round(result.us * 10) / 10,
  }
}

function lineError({ message, result }: ReplayedMessage): NDJSONLine['error'] {
  if (result?.error) return { code: result.error.code, message: result.error.message }
  if (message.truncatedIn !== 'head') return null
  return {
    code: 'ERR_SIPLET_MESSAGE_TRUNCATED',
    message: 'the message ends within its head: it was not executed',
  }
}

/** Writes lines to a file, or to stdout for `-`. Every line that was accepted is written whole. */
export class NDJSONWriter implements ReplayConsumer {
  readonly #path: string
  readonly #stream: Writable
  #failure: Error | undefined

  constructor(path: string) {
    this.#path = path
    this.#stream = path === '-' ? process.stdout : createWriteStream(path)
    this.#stream.on('error', (error) => {
      this.#failure ??= error
    })
  }

  /** @returns false once nobody reads stdout any more: the replay may end then */
  async write(messages: readonly ReplayedMessage[]): Promise<boolean> {
    let text = ''
    for (const message of messages) text += `${JSON.stringify(ndjsonLine(message))}\n`
    if (!this.#failure && !this.#stream.write(text)) {
      await once(this.#stream, 'drain').catch(() => {})
    }
    return this.#check()
  }

  /** Resolves when everything is written. */
  async close(): Promise<void> {
    if (this.#path === '-' || this.#failure) {
      this.#check()
      return
    }
    this.#stream.end()
    await finished(this.#stream).catch(() => {})
    this.#check()
  }

  #check(): boolean {
    const failure = this.#failure as NodeJS.ErrnoException | undefined
    if (failure === undefined) return true
    if (failure.code === 'EPIPE') return false
    throw new CLIError('ERR_SIPLET_OUTPUT', `${this.#path} cannot be written: ${failure.message}`, {
      cause: failure,
    })
  }
}
