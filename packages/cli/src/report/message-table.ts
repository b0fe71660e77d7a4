/** The messages of a replay as columns of numbers, for listing, sorting and searching. */
import { crc32 } from 'node:zlib'
import { errorPlace } from '../output/error-place.ts'
import type { NDJSONLine, ReplayedMessage } from '../replay/replayed-message.ts'
import { type CallColumns, FLAG, type MessageColumns } from './format.ts'

export class MessageTable {
  readonly strings: string[] = []
  readonly messages: MessageColumns = {
    frame: [],
    file: [],
    time: [],
    transport: [],
    src: [],
    dst: [],
    method: [],
    status: [],
    reason: [],
    cseq: [],
    call: [],
    ruri: [],
    ruriOut: [],
    dstUri: [],
    exec: [],
    code: [],
    error: [],
    flags: [],
    tenths: [],
  }
  readonly calls: CallColumns = { callId: [], from: [], to: [] }
  readonly #places = new Map<string, number>()
  #characters = 0
  /** Index of the call, by the index of its Call-ID. */
  readonly #callOf = new Map<number, number>()
  /** Call and checksum of every message, combined into one number. */
  readonly #seen = new Set<number>()
  #start: bigint | undefined

  get length(): number {
    return this.messages.frame.length
  }

  /** Number of characters of all texts, each distinct text counted once. */
  get characters(): number {
    return this.#characters
  }

  add(replayed: ReplayedMessage): void {
    const { message, result, captured, line } = replayed
    const columns = this.messages
    const call = this.#call(replayed, line)
    const src = this.#text(hostPort(line.src))
    columns.frame.push(line.frame)
    columns.file.push(this.#text(line.file))
    columns.time.push(this.#time(line.time))
    columns.transport.push(this.#text(line.transport))
    columns.src.push(src)
    columns.dst.push(this.#text(hostPort(line.dst)))
    columns.method.push(this.#text(line.method))
    columns.status.push(line.status ?? 0)
    columns.reason.push(this.#text(message.reason))
    columns.cseq.push(this.#text(line.cseq))
    columns.call.push(call)
    columns.ruri.push(this.#text(line.ruri))
    columns.ruriOut.push(this.#text(line.ruriOut === line.ruri ? null : line.ruriOut))
    columns.dstUri.push(this.#text(line.dstUri))
    columns.exec.push(this.#text(line.exec))
    columns.code.push(line.code ?? 0)
    columns.error.push(this.#text(errorText(replayed, line)))
    columns.flags.push(
      (line.edited ? FLAG.EDITED : 0) |
        (hasSDP(replayed) ? FLAG.SDP : 0) |
        (this.#repeats(call, crc32(captured.bytes, src)) ? FLAG.RETRANSMISSION : 0) |
        (result !== null && result.logs.length > 0 ? FLAG.LOGGED : 0),
    )
    columns.tenths.push(Math.round((line.us ?? 0) * 10))
  }

  #text(text: string | null): number {
    if (text === null) return -1
    let place = this.#places.get(text)
    if (place === undefined) {
      // Copied: the value of a message's getter may be a slice that keeps the whole message in memory.
      const copy = Buffer.from(text).toString()
      place = this.strings.length
      this.strings.push(copy)
      this.#places.set(copy, place)
      this.#characters += copy.length
    }
    return place
  }

  /** @param text seconds with nine decimals */
  #time(text: string): number {
    const nanoseconds = BigInt(text.replace('.', ''))
    this.#start ??= nanoseconds
    return Number((nanoseconds - this.#start) / 1_000n)
  }

  #call({ message }: ReplayedMessage, { callId }: NDJSONLine): number {
    const place = this.#text(callId)
    let call = this.#callOf.get(place)
    if (call === undefined) {
      call = this.#callOf.size
      this.#callOf.set(place, call)
      this.calls.callId.push(place)
      this.calls.from.push(this.#text(message.fromURI))
      this.calls.to.push(this.#text(message.toURI))
    }
    return call
  }

  #repeats(call: number, checksum: number): boolean {
    const key = call * 2 ** 32 + checksum
    if (this.#seen.has(key)) return true
    this.#seen.add(key)
    return false
  }
}

/** Returns code, message and place of an error. Errors with the same place and message are one error. */
function errorText({ result }: ReplayedMessage, { error }: NDJSONLine): string | null {
  if (error === null) return null
  const place = result?.error ? errorPlace(result.error) : null
  return `${error.code}: ${error.message}${place === null ? '' : ` (at ${place})`}`
}

function hostPort([ip, port]: readonly [string, number]): string {
  return ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`
}

function hasSDP({ message }: ReplayedMessage): boolean {
  return message.getHeader('Content-Type')?.toLowerCase().startsWith('application/sdp') ?? false
}
