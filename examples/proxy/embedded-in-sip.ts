/**
 * The engine inside another SIP stack, npm's `sip`: its transactions and transports, our script. Start it with
 * `node examples/proxy/embedded-in-sip.ts handler.ts 5060`.
 */
import { createRequire } from 'node:module'
import { createEngine, type Engine } from '@siplet/engine'

/** A message of `sip`, with the parts used here. */
interface Message {
  method?: string
  uri: string
  status?: number
  reason?: string
  headers: Record<string, unknown> & { route?: unknown[] }
}

interface SIPStack {
  stringify(message: Message): string
  parse(text: string): Message
  parseUri(uri: string): { params: Record<string, string | null> }
  makeResponse(request: Message, status: number, reason: string): Message
  stop(): void
}

interface ProxyStack {
  start(options: object, route: (request: Message, remote: Remote) => void): void
  send(message: Message, callback?: (reply: Message) => void): void
}

interface Remote {
  address: string
  port: number
}

const require = createRequire(import.meta.url)
const sip: SIPStack = require('sip')
const proxy: ProxyStack = require('sip/proxy.js')

/** Serves on a UDP port of 127.0.0.1. Returns a function that stops the server. */
export async function serve(scriptName: string, port: number): Promise<() => Promise<void>> {
  const engine = await createEngine({
    scriptName,
    isolation: 'thread',
    functions: {
      // Records the reply. It is sent after the method has returned.
      sl_send_reply: (message, status: number, reason: string) => {
        const answer = message.context as { status?: number; reason?: string }
        Object.assign(answer, { status, reason })
        return 1
      },
    },
  })
  // The public address needs another name than the next hops: the stack treats every port of its own host as its own.
  const options = { address: '127.0.0.1', publicAddress: 'localhost', port, tcp: false }
  proxy.start(options, (request, { address, port: from }) => {
    route(engine, request, [address, from]).catch(() => {
      if (request.method !== 'ACK') proxy.send(sip.makeResponse(request, 500, 'Server Internal Error'))
    })
  })
  return async () => {
    sip.stop()
    await engine.close()
  }
}

async function route(engine: Engine, request: Message, src: [string, number]): Promise<void> {
  const answer: { status?: number; reason?: string } = {}
  const result = await engine.exec('request_route', sip.stringify(request), { src, context: answer })
  if (result.error !== null) throw result.error
  if (answer.status !== undefined) {
    proxy.send(sip.makeResponse(request, answer.status, answer.reason ?? ''))
    return
  }
  if (result.code <= 0) return
  const edited = sip.parse(result.message.text)
  if (result.dstUri !== null) {
    // The stack finds its next hop only in Route.
    edited.headers.route = [{ uri: `${result.dstUri};lr`, params: {} }, ...(edited.headers.route ?? [])]
  }
  proxy.send(edited, (reply) => relayReply(engine, reply))
}

/** The stack added a Via. Removes it before the reply is forwarded. */
async function relayReply(engine: Engine, reply: Message): Promise<void> {
  ;(reply.headers.via as unknown[]).shift()
  const hasRoute = engine.methods.includes('onreply_route')
  const result = hasRoute ? await engine.exec('onreply_route', sip.stringify(reply)) : null
  proxy.send(result === null || result.error !== null ? reply : sip.parse(result.message.text))
}

if (import.meta.main) await serve(process.argv[2]!, Number(process.argv[3]))
