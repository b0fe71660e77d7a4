/** Real traffic: SIPp calls through the proxy, with all four routes, in every isolation. */
import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { createProxy, type ProxyOptions, type SIPProxy } from '@siplet/proxy'
import { ISOLATIONS, keepingLogger, scriptFile } from '../support/engine.ts'
import { LossyRelay } from '../support/lossy-relay.ts'
import { until } from '../support/processes.ts'
import { SIPP_MISSING, Sipp, type SippResult, sipp } from '../support/sipp.ts'

const scenario = (name: string) => ['-sf', fileURLToPath(new URL(`../sipp/${name}.xml`, import.meta.url))]

/** Routes by the user of the Request-URI; each user is a test case. */
const ROUTER = `const { DIALOG, RINGING, REFUSING, OPTIONS, LOSSY, DIALOG_TCP, DIALOG6, NOBODY } = #PORTS#
const at = (port, rest = '') => 'sip:127.0.0.1:' + port + rest
export function mod_init() {
  return {
    child_init: () => 0,
    request_route(msg) {
      if (msg.call_function('loose_route') > 0) return 1
      const user = /sip:(\\w+)@/.exec(msg.RURI)[1]
      if (msg.Method === 'INVITE' && user !== 'cancel') msg.call_function('record_route')
      msg.call_function('t_on_reply', 'replies')
      switch (user) {
        case 'options': msg.set_dst_uri(at(OPTIONS)); return 1
        case 'cancel': msg.set_dst_uri(at(RINGING)); return 1
        case 'failover':
          msg.set_dst_uri(at(REFUSING))
          msg.call_function('t_on_failure', 'failed')
          return msg.call_function('t_relay')
        case 'fork':
          msg.rewrite_ruri(at(RINGING))
          msg.call_function('append_branch', at(DIALOG))
          return msg.call_function('t_relay')
        case 'lossy': msg.set_dst_uri(at(LOSSY)); return 1
        case 'tcp': msg.set_dst_uri(at(DIALOG_TCP, ';transport=tcp')); return 1
        case 'ipv6': msg.set_dst_uri('sip:[::1]:' + DIALOG6); return 1
        case 'dead': msg.set_dst_uri(at(NOBODY)); return 1
        case 'loop': for (;;);
        default: msg.set_dst_uri(at(DIALOG)); return 1
      }
    },
    failed(msg) {
      if (msg.call_function('t_check_status', '486') < 0) return 1
      msg.set_dst_uri(at(DIALOG))
      msg.call_function('append_branch')
      return msg.call_function('t_relay')
    },
    replies(msg) {
      msg.appendHeader('X-Route', 'replies')
      return 1
    },
  }
}`

/** Returns ports that were free a moment ago. */
async function freePorts(count: number): Promise<number[]> {
  const sockets = Array.from({ length: count }, () => createSocket('udp4').bind(0, '127.0.0.1'))
  await Promise.all(sockets.map((socket) => once(socket, 'listening')))
  const ports = sockets.map((socket) => socket.address().port)
  for (const socket of sockets) socket.close()
  return ports
}

async function open(
  isolation: 'inline' | 'thread' | 'process',
  ports: object,
  more: Partial<ProxyOptions> = {},
) {
  return await createProxy(
    {
      listen: ['udp:127.0.0.1:0', 'tcp:127.0.0.1:0', 'udp:[::1]:0'],
      script: {
        file: scriptFile(ROUTER.replace('#PORTS#', JSON.stringify(ports)), 'router.mjs'),
        isolation,
        children: 2,
        // A busy machine must not look like an endless loop.
        timeoutMs: 1_000,
      },
      drainTimeoutMs: 1,
      ...more,
    },
    { logger: keepingLogger() },
  )
}

/** Makes calls of one scenario with a separate client. */
async function calls(
  proxy: SIPProxy | number,
  user: string,
  name: string,
  count: number,
  more: string[] = [],
): Promise<SippResult> {
  const port = typeof proxy === 'number' ? proxy : proxy.listening[0]!.port
  const [own] = await freePorts(1)
  return await sipp([
    ...scenario(name),
    ...['-i', '127.0.0.1', '-p', String(own), `127.0.0.1:${port}`, '-s', user],
    ...['-m', String(count), '-r', '50', '-timeout', '60', ...more],
  ])
}

async function callsOver6(proxy: SIPProxy, count: number): Promise<SippResult> {
  const [own] = await freePorts(1)
  const port = proxy.listening.find(({ ip }) => ip === '::1')!.port
  const args = [
    '-i',
    '[::1]',
    '-p',
    String(own),
    `[::1]:${port}`,
    '-s',
    'ipv6',
    '-m',
    String(count),
    '-r',
    '50',
    '-timeout',
    '60',
  ]
  return await sipp([...scenario('uac-dialog'), ...args])
}

function assertAll({ exitCode, successful, failed, errors }: SippResult, count: number, what: string): void {
  assert.deepEqual(
    { exitCode, successful, failed },
    { exitCode: 0, successful: count, failed: 0 },
    `${what}: ${errors}`,
  )
}

describe('the proxy under SIPp', function () {
  this.timeout(120_000)
  const servers: Sipp[] = []
  const ports: Record<string, number> = {}
  const lossy = {} as Record<(typeof ISOLATIONS)[number], LossyRelay>

  before(async function () {
    if (SIPP_MISSING !== null) {
      console.log(`      SKIPPED: ${SIPP_MISSING}`)
      this.skip()
    }
    const names = ['DIALOG', 'RINGING', 'REFUSING', 'OPTIONS', 'DIALOG_TCP', 'DIALOG6', 'NOBODY']
    const free = await freePorts(names.length + ISOLATIONS.length)
    for (const name of names) ports[name] = free.pop()!
    const serve = (name: string, port: number, ...more: string[]) =>
      servers.push(new Sipp([...scenario(name), '-p', String(port), ...more]))
    serve('uas-dialog', ports.DIALOG!, '-i', '127.0.0.1')
    serve('uas-cancelled', ports.RINGING!, '-i', '127.0.0.1')
    serve('uas-refusing', ports.REFUSING!, '-i', '127.0.0.1')
    serve('uas-options', ports.OPTIONS!, '-i', '127.0.0.1')
    serve('uas-dialog', ports.DIALOG_TCP!, '-i', '127.0.0.1', '-t', 't1')
    serve('uas-dialog', ports.DIALOG6!, '-i', '[::1]')
    for (const isolation of ISOLATIONS) {
      const port = free.pop()!
      const relay = await LossyRelay.open(port, 5, 1365)
      serve('uas-lossy', port, '-i', '127.0.0.1', '-key', 'contact_port', String(relay.port))
      lossy[isolation] = relay
    }
    await delay(500)
  })

  after(async () => {
    for (const relay of Object.values(lossy)) relay.close()
    for (const server of servers) await server[Symbol.asyncDispose]()
  })

  afterEach(function () {
    if (this.currentTest?.state !== 'failed') return
    for (const { errors } of servers) if (errors !== '') console.log(errors)
  })

  for (const isolation of ISOLATIONS) {
    it(`handles calls in isolation ${isolation}: basic, CANCEL, failure route, fork, rewritten replies, TCP, IPv6, OPTIONS`, async () => {
      await using proxy = await open(isolation, ports)
      const tcp = proxy.listening.find(({ transport }) => transport === 'tcp')!.port
      const cases = await Promise.all([
        calls(proxy, 'basic', 'uac-dialog', 50),
        calls(proxy, 'cancel', 'uac-cancel', 25),
        calls(proxy, 'failover', 'uac-dialog', 25),
        calls(proxy, 'fork', 'uac-dialog', 25),
        calls(tcp, 'tcp', 'uac-dialog', 25, ['-t', 't1']),
        callsOver6(proxy, 25),
        calls(proxy, 'options', 'uac-options', 500, ['-r', '400']),
      ])
      for (const [index, [what, count]] of [
        ['basic', 50],
        ['CANCEL', 25],
        ['failure route', 25],
        ['fork', 25],
        ['TCP', 25],
        ['IPv6', 25],
        ['OPTIONS', 500],
      ].entries()) {
        assertAll(cases[index]!, count as number, what as string)
      }
      // The script may still handle the last ACK.
      await until(() => proxy.health().unfinished === 0, 'every message is finished')
    })
  }

  it('loses no call if 5 % of the datagrams are lost on both sides, in every isolation', async () => {
    await Promise.all(
      ISOLATIONS.map(async (isolation) => {
        const back = lossy[isolation]
        await using proxy = await open(isolation, { ...ports, LOSSY: back.port })
        const front = await LossyRelay.open(proxy.listening[0]!.port, 5, 2)
        const result = await calls(front.port, 'lossy', 'uac-dialog', 60, ['-d', '1000'])
        front.close()
        assertAll(result, 60, isolation)
        await until(() => proxy.health().unfinished === 0, 'every message is finished')
        const retransmissions = /siplet_proxy_retransmissions_total (\d+)/.exec(await proxy.metrics())
        assert.ok(Number(retransmissions?.[1]) > 0)
        // For each message of a call, at least one was lost on each side.
        for (const { lost } of [front, back]) {
          for (const part of ['INVITE', '180 INVITE', '200 INVITE', 'ACK', 'BYE', '200 BYE']) {
            assert.ok(lost.has(part), `no ${part} was lost`)
          }
        }
        // In one call, all messages were lost that say that the INVITE has arrived. So the INVITE comes again to a back
        // end that has answered.
        const answers = (call: string) => back.lost.get('200 INVITE')!.filter((id) => id === call)
        assert.ok(back.lost.get('180 INVITE')!.some((call) => answers(call).length > 1))
      }),
    )
  })

  it('completes 1,000 calls despite endless loops, reloads, dead back ends and floods of garbage', async () => {
    // Each loop blocks its child for timeoutMs, and replies wait meanwhile.
    await using proxy = await open('thread', ports, { timers: { frTimeoutMs: 15_000 } })
    const port = proxy.listening[0]!.port
    const flood = createSocket('udp4').bind(0, '127.0.0.1')
    await once(flood, 'listening')
    const others = async () => {
      for (let i = 0; i < 10; i++) {
        const branch = `z9hG4bK-flood-${i}`
        for (const user of ['loop', 'dead']) {
          const text = `INVITE sip:${user}@x SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:${flood.address().port};branch=${branch}${user}\r\nFrom: <sip:f@x>;tag=1\r\nTo: <sip:x@x>\r\nCall-ID: ${branch}${user}\r\nCSeq: 1 INVITE\r\n\r\n`
          flood.send(text, port, '127.0.0.1')
        }
        for (let n = 0; n < 300; n++) flood.send(`GARBAGE ${n} \r\n\0\xff`, port, '127.0.0.1')
        if (i % 3 === 0) await proxy.reload()
        await delay(200)
      }
    }
    const [result] = await Promise.all([calls(proxy, 'basic', 'uac-dialog', 1_000, ['-r', '300']), others()])
    flood.close()
    assertAll(result, 1_000, 'the calls during the disturbances')
    const stats = proxy.engine.stats()
    assert.ok(stats.rebuilds.timeout > 0, 'the endless loops were ended')
    assert.match(await proxy.metrics(), /reason="not-sip"} [1-9]\d\d/)
  })

  it('continues calls after the pool process was killed', async () => {
    const children = () =>
      readFileSync(`/proc/${process.pid}/task/${process.pid}/children`, 'utf8').trim().split(' ')
    const before = new Set(children())
    await using proxy = await open('process', ports)
    const [pool] = children().filter((pid) => !before.has(pid))
    const [result] = await Promise.all([
      calls(proxy, 'basic', 'uac-dialog', 400, ['-r', '100']),
      delay(1_500).then(() => process.kill(Number(pool), 'SIGKILL')),
    ])
    assert.equal(result.successful + result.failed, 400)
    // An exec that was in the process is answered with 500, or its reply is forwarded unedited, which SIPp counts as a
    // failure as well. Waiting execs and the rest of its batch run in the next process. So no more calls fail than
    // execs were lost.
    const { ERR_SIPLET_CHILD_LOST: lost = 0, ...others } = proxy.engine.stats().errors
    assert.deepEqual(others, {})
    assert.ok(
      result.failed <= lost,
      `${result.failed} calls failed, but only ${lost} execs were lost: ${result.errors}`,
    )
    assert.ok(lost <= 2, `${lost} execs were lost: more than one per child`)
    assertAll(await calls(proxy, 'basic', 'uac-dialog', 20), 20, 'the calls after the kill')
  })
})
