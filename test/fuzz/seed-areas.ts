/** Verdict areas as real isolates leave them, and their function calls: seeds for the fuzzer of the wire. */
import { SIPMessage } from '@siplet/sipmsg'
import { preludes } from '../../packages/engine/src/isolate/host/bundle.ts'
import { IsolateChild } from '../../packages/engine/src/isolate/host/isolate-child.ts'
import { loadScript } from '../../packages/engine/src/script/load.ts'
import { encodeRequest } from '../../packages/engine/src/wire/request.ts'
import { areaSnapshot } from '../../packages/engine/src/wire/snapshot.ts'
import { createVerdictArea } from '../../packages/engine/src/wire/verdict.ts'
import type { Judged } from '../../packages/engine/src/wire/verdict-reader.ts'
import { handler, scriptFile } from '../support/engine.ts'
import { INVITE, RINGING, sip } from '../support/messages.ts'

/** Edits, next hops, log lines, errors and calls, in every order. */
const SCRIPT = handler(`
  plain() { return 1 },
  route(msg) {
    msg.rewrite_ruri('sip:carol@example.org'); msg.set_dst_uri('sip:192.0.2.1:5070;transport=tcp')
    msg.setHeader('X-Ä', 'ü'); msg.removeHeader('Max-Forwards'); return -5
  },
  chatty(msg) { LM_INFO('einß'); console.error('two'); msg.appendHeader('X-B', 'b'); return 2147483647 },
  body(msg) { msg.setBody('v=0', 'application/sdp'); return 0 },
  fails() { LM_ERR('before'); throw new TypeError('no ☃') },
  missing() { return 'x' },
  calls(msg) { msg.rewrite_ruri('sip:x@y'); msg.set_dst_uri('sip:z'); return msg.call_function('f', 'ä', 1.5, -7) },
  callsOnce(msg) { return msg.call_function('note') }`)
const METHODS = ['plain', 'route', 'chatty', 'body', 'fails', 'missing', 'calls', 'callsOnce', 'none']
const MESSAGES = [INVITE, sip({ body: 'hello' }), RINGING, 'OPTIONS sip:a SIP/2.0\r\n\r\n']
export const MAX_RESULT_BYTES = 4_096

export interface SeedArea {
  /** The head and the committed records. */
  snapshot: Buffer
  batch: readonly Judged[]
}

export async function seedAreas(): Promise<{ areas: SeedArea[]; calls: string[] }> {
  const script = await loadScript(scriptFile(SCRIPT))
  const area = createVerdictArea(MAX_RESULT_BYTES)
  const calls: string[] = []
  const direct = (call: string) => {
    calls.push(call)
    return JSON.stringify({ code: 3, dstUri: 'sip:next', splices: JSON.parse(call).splices })
  }
  const child = new IsolateChild(
    {
      rank: 1,
      preludes: await preludes('javascript'),
      script,
      modInitFunction: 'mod_init',
      childInitMethod: 'child_init',
      limits: {
        memoryMb: 64,
        timeoutMs: 10_000,
        initTimeoutMs: 10_000,
        maxResultBytes: MAX_RESULT_BYTES,
        maxFunctionCalls: 100,
      },
      area,
    },
    { direct, waiting: async (call) => direct(call) },
  )
  const started = child.start()
  if (!started.ok) throw new Error(started.message)
  const areas: SeedArea[] = []
  const run = (requests: readonly (readonly [method: string, message: string])[]) => {
    const records = requests.map(([method, message]) => record(method, message))
    child.run(records.join(''), records.length)
    const batch = requests.map(([, message]) => ({ message: new SIPMessage(message) }))
    areas.push({ snapshot: areaSnapshot(area), batch })
  }
  for (const method of METHODS) run([[method, INVITE]])
  for (let count = 2; count <= 12; count += 5) {
    run(
      Array.from({ length: count }, (_, i) => [
        METHODS[(i * 5) % METHODS.length]!,
        MESSAGES[i % MESSAGES.length]!,
      ]),
    )
  }
  child.dispose()
  return { areas, calls }
}

function record(method: string, message: string): string {
  const nowhere = { srcIp: '192.0.2.1', srcPort: 5060, dstIp: '192.0.2.2', dstPort: 5060 }
  return encodeRequest({ route: 0, method, ...nowhere, extra: null, message })
}
