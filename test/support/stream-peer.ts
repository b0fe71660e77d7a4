import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

/** A TCP peer for tests. Keeps everything that its latest connection received, as one-byte text. */
export class StreamPeer implements AsyncDisposable {
  readonly port: number
  socket: Socket | undefined
  text = ''
  ended = false
  readonly #close: () => void

  static async listen(): Promise<StreamPeer> {
    const server = createServer((socket) => peer.#follow(socket)).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const peer = new StreamPeer((server.address() as { port: number }).port, () => server.close())
    return peer
  }

  static async connect(port: number): Promise<StreamPeer> {
    const socket = connect(port, '127.0.0.1')
    await once(socket, 'connect')
    const peer = new StreamPeer(port, () => {})
    peer.#follow(socket)
    return peer
  }

  private constructor(port: number, close: () => void) {
    this.port = port
    this.#close = close
  }

  send(text: string | Buffer): void {
    this.socket!.write(text, 'latin1')
  }

  /** Resolves when the received text satisfies the condition. */
  async until(seen: (text: string) => boolean): Promise<string> {
    await until(
      () => seen(this.text),
      () => `the stream contains only ${JSON.stringify(this.text)}`,
    )
    return this.text
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket?.destroy()
    this.#close()
  }

  #follow(socket: Socket): void {
    this.socket = socket
    socket.on('data', (chunk: Buffer) => {
      this.text += chunk.toString('latin1')
    })
    socket.on('error', () => {})
    socket.on('close', () => {
      this.ended = true
    })
  }
}

/** Resolves when the condition holds; fails with a message if it does not hold in 10 s. */
export async function until(holds: () => boolean, otherwise: () => string): Promise<void> {
  const end = performance.now() + 10_000
  while (!holds()) {
    assert.ok(performance.now() < end, otherwise())
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}
