/**
 * A UDP relay that loses SIP messages. `seed` decides which messages; the same seed loses the same messages of the same
 * SIPp calls.
 */
import { hash } from 'node:crypto'
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { SIPMessage } from '@siplet/sipmsg'

export class LossyRelay {
  readonly port: number
  /** Call-IDs of lost messages, one per loss, by method or by status and method, such as `200 INVITE`. */
  readonly lost = new Map<string, string[]>()
  readonly #front: Socket
  readonly #back: Socket
  readonly #loss: number
  readonly #seed: number
  /** Number of times that each message of each call arrived. */
  readonly #copies = new Map<string, number>()
  #peer = 0

  /**
   * @param target port on 127.0.0.1 to which messages are relayed; its answers go to the latest sender
   * @param loss average number of lost messages per 100, in each direction
   */
  static async open(target: number, loss: number, seed: number): Promise<LossyRelay> {
    const sockets = [
      createSocket('udp4').bind(0, '127.0.0.1'),
      createSocket('udp4').bind(0, '127.0.0.1'),
    ] as const
    await Promise.all(sockets.map((socket) => once(socket, 'listening')))
    return new LossyRelay(sockets, target, loss, seed)
  }

  private constructor([front, back]: readonly [Socket, Socket], target: number, loss: number, seed: number) {
    this.#front = front
    this.#back = back
    this.#loss = loss
    this.#seed = seed
    this.port = front.address().port
    front.on('message', (bytes, { port }) => {
      this.#peer = port
      if (!this.#loses(bytes)) back.send(bytes, target, '127.0.0.1')
    })
    back.on('message', (bytes) => {
      if (!this.#loses(bytes)) front.send(bytes, this.#peer, '127.0.0.1')
    })
  }

  close(): void {
    this.#front.close()
    this.#back.close()
  }

  /** Decides by the content of the message, not by its time: the order among calls differs from run to run. */
  #loses(bytes: Uint8Array): boolean {
    const { callId, isRequest, method, status, cseqMethod } = new SIPMessage(bytes)
    const what = isRequest ? method! : `${status} ${cseqMethod}`
    const copy = (this.#copies.get(`${callId} ${what}`) ?? 0) + 1
    this.#copies.set(`${callId} ${what}`, copy)
    // SIPp's Call-IDs have the form number-pid@ip.
    const number = Number.parseInt(callId!, 10)
    const digest = hash('sha256', `${this.#seed} ${number} ${what} ${copy}`)
    const lost = Number.parseInt(digest.slice(0, 8), 16) % 100 < this.#loss
    if (lost) this.lost.set(what, [...(this.lost.get(what) ?? []), callId!])
    return lost
  }
}
