/** A UDP relay that loses datagrams, the same ones every time: `seed` decides which. */
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { uniformInt } from 'pure-rand/distribution/uniformInt'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'

export class LossyRelay {
  readonly port: number
  lost = 0
  passed = 0
  readonly #front: Socket
  readonly #back: Socket
  #peer = 0

  /**
   * @param target port on 127.0.0.1 that what comes in goes to; what it answers goes back to whoever came last
   * @param loss of 100 datagrams, on the average, in each direction
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
    this.port = front.address().port
    const random = xoroshiro128plus(seed)
    const loses = () => {
      const lost = uniformInt(random, 0, 99) < loss
      if (lost) this.lost++
      else this.passed++
      return lost
    }
    front.on('message', (bytes, { port }) => {
      this.#peer = port
      if (!loses()) back.send(bytes, target, '127.0.0.1')
    })
    back.on('message', (bytes) => {
      if (!loses()) front.send(bytes, this.#peer, '127.0.0.1')
    })
  }

  close(): void {
    this.#front.close()
    this.#back.close()
  }
}
