/** Measures the time that a proxy adds to a request and its reply. Both ends are in this process. */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { reply, SIPMessage } from '@siplet/sipmsg'
import { build } from 'hdr-histogram-js'

const GAP_MS = 4

export interface AddedLatency {
  p50: number
  p99: number
  /** Number of requests that were answered. */
  answered: number
}

/**
 * Sends requests that the proxy relays to `backend`, where this function answers them. Returns the time of both
 * directions together, in microseconds.
 */
export async function addedLatency(proxy: number, backend: number, count: number): Promise<AddedLatency> {
  const client = createSocket('udp4').bind(0, '127.0.0.1')
  const server = createSocket('udp4').bind(backend, '127.0.0.1')
  await Promise.all([once(client, 'listening'), once(server, 'listening')])
  const histogram = build({ numberOfSignificantValueDigits: 3 })
  /** By Call-ID: when the request was sent, how long it took to the back end, and when it was answered. */
  const calls = new Map<string, { sent: number; there?: number; answered?: number }>()
  server.on('message', (bytes, { port }) => {
    const request = new SIPMessage(bytes)
    const call = calls.get(request.callId!)
    const answer = reply(request, 200).toBytes()
    if (call !== undefined && call.there === undefined) {
      call.there = performance.now() - call.sent
      call.answered = performance.now()
    }
    server.send(answer, port, '127.0.0.1')
  })
  client.on('message', (bytes) => {
    const { callId, status } = new SIPMessage(bytes)
    const call = calls.get(callId!)
    if (call?.answered === undefined || status !== 200) return
    histogram.recordValue(Math.round((call.there! + performance.now() - call.answered) * 1_000))
    calls.delete(callId!)
  })
  for (let i = 0; i < count; i++) {
    const callId = `latency-${i}-${performance.now()}`
    calls.set(callId, { sent: performance.now() })
    client.send(options(callId, client.address().port), proxy, '127.0.0.1')
    await delay(GAP_MS)
  }
  await delay(500)
  client.close()
  server.close()
  return {
    p50: histogram.getValueAtPercentile(50),
    p99: histogram.getValueAtPercentile(99),
    answered: histogram.totalCount,
  }
}

function options(callId: string, port: number): string {
  return [
    'OPTIONS sip:bob@example.net SIP/2.0',
    `Via: SIP/2.0/UDP 127.0.0.1:${port};branch=z9hG4bK-${callId}`,
    'Max-Forwards: 70',
    'From: <sip:alice@example.com>;tag=1',
    'To: <sip:bob@example.net>',
    `Call-ID: ${callId}`,
    'CSeq: 1 OPTIONS',
    'Content-Length: 0',
    '\r\n',
  ].join('\r\n')
}
