/**
 * Replays a capture of 100,000 SIP messages through a script, as the command does. It is compared with tshark reading
 * fields of the same capture (tshark runs no script). Measures whole processes, including their start.
 */
import { execFile } from 'node:child_process'
import { createWriteStream, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { reply, request, SIPMessage } from '@siplet/sipmsg'
import type { Figures } from '../packages/cli/src/bench/figures.ts'
import { INVITE } from '../packages/cli/src/bench/invite.ts'
import { CaptureEncoder, LINKTYPE, udpFrames } from '../packages/cli/src/capture/index.ts'
import { subject } from './support/subject.ts'

const MESSAGES = 100_000
const ROUNDS = 3
const CLI = fileURLToPath(new URL('../packages/cli/src/main.ts', import.meta.url))
const FIELDS = [
  'frame.number',
  'frame.time_epoch',
  'ip.src',
  'ip.dst',
  'sip.Method',
  'sip.Status-Code',
  'sip.r-uri',
]
const MORE_FIELDS = ['sip.Call-ID', 'sip.CSeq']

export const NAMES = { tshark: 'tshark -Y sip -T fields', thread: 'siplet replay, thread, 1 child' }

export async function run(): Promise<Figures[]> {
  const folder = mkdtempSync(join(tmpdir(), 'siplet-bench-'))
  try {
    const capture = join(folder, 'calls.pcap')
    await pipeline(Readable.from(captureChunks()), createWriteStream(capture))
    const siplet = (...options: string[]) => [
      ...[
        CLI,
        'replay',
        capture,
        '--script',
        subject.engine.scriptName as string,
        '--request-method',
        'route',
      ],
      ...['--reply-method', 'empty', '--ndjson', join(folder, 'decisions.ndjson'), ...options],
    ]
    const rows = [
      await measure('siplet replay, inline', process.execPath, siplet('--isolation', 'inline')),
      await measure(NAMES.thread, process.execPath, siplet('--isolation', 'thread')),
      await measure(
        'siplet replay, thread, 2 children',
        process.execPath,
        siplet('--isolation', 'thread', '--children', '2'),
      ),
    ]
    const fields = [...FIELDS, ...MORE_FIELDS].flatMap((field) => ['-e', field])
    const reading = ['-n', '-r', capture, '-Y', 'sip', '-T', 'fields', ...fields]
    const tshark = await measure(NAMES.tshark, 'tshark', reading, 1).catch((error) => {
      if (error.code !== 'ENOENT') throw error
      return undefined
    })
    return [
      {
        title: `capture of ${MESSAGES.toLocaleString('en')} messages`,
        columns: { seconds: 2, 'messages/s': 0, '× tshark': 1 },
        rows: [...rows, ...(tshark === undefined ? [] : [tshark])].map((row) => ({
          ...row,
          '× tshark': tshark === undefined ? null : tshark.seconds / row.seconds,
        })),
        ...(tshark === undefined && { note: 'tshark is not installed: no ratio.' }),
      },
    ]
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** Returns the best of several rounds: disturbances only make a process slower. */
async function measure(
  name: string,
  command: string,
  args: string[],
  rounds = ROUNDS,
): Promise<{ name: string; seconds: number; 'messages/s': number }> {
  let seconds = Number.POSITIVE_INFINITY
  for (let round = 0; round < rounds; round++) {
    const start = performance.now()
    await promisify(execFile)(command, args, { maxBuffer: 2 ** 30 })
    seconds = Math.min(seconds, (performance.now() - start) / 1_000)
  }
  return { name, seconds, 'messages/s': MESSAGES / seconds }
}

/** Yields calls of five messages: INVITE, 180, 200, ACK, BYE. */
function* captureChunks(): Generator<Buffer> {
  const capture = new CaptureEncoder({ format: 'pcap', linktype: LINKTYPE.ETHERNET })
  yield capture.header
  const body = new SIPMessage(INVITE).body
  for (let number = 0; number < MESSAGES; ) {
    for (const message of call(number, body)) {
      number++
      const options = { linktype: LINKTYPE.ETHERNET, mtu: 1_500, identification: number & 0xffff }
      const datagram = { src: ['192.0.2.10', 5060], dst: ['192.0.2.1', 5060], payload: message } as const
      for (const frame of udpFrames(datagram, options)) {
        yield capture.frame(1_767_254_400 + Math.floor(number / 1_000), (number % 1_000) * 1_000_000, frame)
      }
    }
  }
}

function call(id: number, sdp: string): Buffer[] {
  const make = (method: string, more: [string, string][], body = '') =>
    request({
      method,
      uri: 'sip:bob@example.net',
      headers: [
        ['Via', `SIP/2.0/UDP client.example.org:5060;branch=z9hG4bK${id}${method}`],
        ['From', `"Alice" <sip:alice@example.org>;tag=f${id}`],
        ['To', 'Bob <sip:bob@example.net>'],
        ['Call-ID', `call-${id}@example.org`],
        ['CSeq', `1 ${method}`],
        ['User-Agent', 'benchmark/1.0'],
        ['X-Account', 'gold-42'],
        ...more,
      ],
      body,
    })
  const contact: [string, string] = ['Contact', '<sip:alice@client.example.org;transport=udp>']
  const invite = make('INVITE', [contact, ['Content-Type', 'application/sdp']], sdp)
  const ok = { headers: [contact, ['Content-Type', 'application/sdp'] as const], body: sdp }
  return [
    invite,
    reply(invite, 180, { headers: [contact] }),
    reply(invite, 200, ok),
    make('ACK', []),
    make('BYE', []),
  ].map((message) => Buffer.from(message.toBytes()))
}
