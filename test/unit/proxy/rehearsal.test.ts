import assert from 'node:assert/strict'
import { rehearsalFunctions } from '@siplet/proxy'
import { handler, keepingLogger, withEngine } from '../../support/engine.ts'
import { sip } from '../../support/messages.ts'

const ISOLATIONS = ['inline', 'thread', 'process'] as const
const SCRIPT = handler(`request_route(msg) {
  const call = (...all) => msg.call_function(...all)
  const said = [call('loose_route'), call('has_totag'), call('check_route_param', 'ftag=1'), call('route_params', 'X-P')]
  msg.setHeader('X-Said', said.join(' ') + ' ' + (msg.getHeader('X-P') ?? ''))
  return 1
}`)

/** Returns a request to 192.0.2.1, the address of the proxy. */
function request(route: string | null, tag = ''): string {
  return sip({
    startLine: 'BYE sip:b@example.net SIP/2.0',
    headers: [
      ['Via', 'SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK-1'],
      ['From', '<sip:a@example.com>;tag=1'],
      ['To', `<sip:b@example.net>${tag}`],
      ['Call-ID', 'rehearsal'],
      ['CSeq', '1 BYE'],
      ...(route === null ? [] : [['Route', route] as const]),
    ],
  })
}

describe('route functions in a rehearsal without a proxy', () => {
  for (const isolation of ISOLATIONS) {
    it(`${isolation}: return the same as in the proxy, and leave the Routes`, async () => {
      const functions = rehearsalFunctions({ hasMethod: () => true, logger: keepingLogger() })
      await withEngine(SCRIPT, { functions, isolation }, async (engine) => {
        const cases: [string | null, string, string][] = [
          ['<sip:192.0.2.1;lr;ftag=1>', ';tag=2', '1 1 1 1 ;lr;ftag=1'],
          ['<sip:192.0.2.1;lr;ftag=1>', '', '-1 -1 1 1 ;lr;ftag=1'],
          ['<sip:192.0.2.2;lr;ftag=1>', ';tag=2', '1 1 -1 -1'],
          [null, ';tag=2', '-1 1 -1 -1'],
        ]
        for (const [route, tag, expected] of cases) {
          const dst = ['192.0.2.1', 5060] as const
          const { message, error } = await engine.exec('request_route', request(route, tag), {
            dst,
            context: {},
          })
          assert.equal(error, null)
          assert.equal(message.getHeader('X-Said'), expected)
          assert.equal(message.getHeader('Route'), route)
        }
      })
    })
  }
})
