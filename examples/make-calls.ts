/**
 * Writes calls.pcapng, the capture that `npm start` replays. Run it with `pnpm run make-calls`. Addresses and names
 * are reserved for documentation (RFC 2606, RFC 3849, RFC 5737). Every run writes the same bytes.
 */
import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { CaptureEncoder, LINKTYPE, udpFrames } from '../packages/cli/src/capture/index.ts'

type Address = readonly [ip: string, port: number]

const PHONE: Address = ['192.0.2.10', 5060]
const PROXY: Address = ['192.0.2.1', 5060]
const PHONE_6: Address = ['2001:db8::10', 5060]
const PROXY_6: Address = ['2001:db8::1', 5060]

/** 2026-01-01T08:00:00Z */
const START_SECONDS = 1_767_254_400

const capture = new CaptureEncoder({ format: 'pcapng', linktype: LINKTYPE.ETHERNET })
const chunks = [capture.header]
let milliseconds = 0
let datagrams = 0

/** @param wait milliseconds since the previous message */
function send(src: Address, dst: Address, wait: number, message: string): void {
  milliseconds += wait
  datagrams++
  const options = { linktype: LINKTYPE.ETHERNET, mtu: 1_500, identification: datagrams }
  for (const frame of udpFrames({ src, dst, payload: Buffer.from(message) }, options)) {
    chunks.push(
      capture.frame(
        START_SECONDS + Math.floor(milliseconds / 1_000),
        (milliseconds % 1_000) * 1_000_000,
        frame,
      ),
    )
  }
}

interface Dialog {
  id: number
  phone: Address
  proxy: Address
  from: string
  to: string
}

function hostPort([ip, port]: Address): string {
  return ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`
}

function via(phone: Address, branch: string): string {
  return `SIP/2.0/UDP ${hostPort(phone)};branch=z9hG4bK-${branch}`
}

/** Authorization of a REGISTER (RFC 2617 section 3.2.2, without qop). */
function digest(nonce: string): string {
  const md5 = (text: string) => createHash('md5').update(text).digest('hex')
  const response = md5(`${md5('alice:example.com:secret')}:${nonce}:${md5('REGISTER:sip:example.com')}`)
  return `Digest username="alice", realm="example.com", nonce="${nonce}", uri="sip:example.com", response="${response}"`
}

function message(startLine: string, headers: Record<string, string>, body = ''): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`)
  return [startLine, ...lines, `Content-Length: ${Buffer.byteLength(body)}`, '', body].join('\r\n')
}

function headers({ id, phone, from, to }: Dialog, cseq: string, toTag: string): Record<string, string> {
  return {
    Via: via(phone, `${id}-${cseq.split(' ')[0]}`),
    'Max-Forwards': '70',
    From: `<${from}>;tag=from-${id}`,
    To: `<${to}>${toTag}`,
    'Call-ID': `call-${id}@example.com`,
    CSeq: cseq,
  }
}

function request(
  dialog: Dialog,
  wait: number,
  cseq: string,
  more: Record<string, string> = {},
  body = '',
): void {
  const method = cseq.split(' ')[1]
  const tag = method === 'ACK' || method === 'BYE' ? `;tag=to-${dialog.id}` : ''
  const uri = method === 'REGISTER' ? 'sip:example.com' : dialog.to
  const all = { ...headers(dialog, cseq, tag), ...more }
  send(dialog.phone, dialog.proxy, wait, message(`${method} ${uri} SIP/2.0`, all, body))
}

function reply(
  dialog: Dialog,
  wait: number,
  status: string,
  cseq: string,
  more: Record<string, string> = {},
  body = '',
): void {
  const tag = status.startsWith('100') ? '' : `;tag=to-${dialog.id}`
  const { 'Max-Forwards': _, ...all } = headers(dialog, cseq, tag)
  send(
    dialog.proxy,
    dialog.phone,
    wait,
    message(`SIP/2.0 ${status}`, { ...all, Server: 'example', ...more }, body),
  )
}

function sdp([ip]: Address, port: number): string {
  const family = ip.includes(':') ? 'IP6' : 'IP4'
  const lines = [
    'v=0',
    `o=- 1 1 IN ${family} ${ip}`,
    's=-',
    `c=IN ${family} ${ip}`,
    't=0 0',
    `m=audio ${port} RTP/AVP 8`,
  ]
  return lines.map((line) => `${line}\r\n`).join('')
}

function call(dialog: Dialog): void {
  const contact = { Contact: `<sip:${hostPort(dialog.phone)}>`, 'Content-Type': 'application/sdp' }
  const answer = { Contact: `<sip:${hostPort(dialog.proxy)}>`, 'Content-Type': 'application/sdp' }
  request(dialog, 400, '1 INVITE', contact, sdp(dialog.phone, 40_000))
  reply(dialog, 2, '100 Trying', '1 INVITE')
  reply(dialog, 180, '180 Ringing', '1 INVITE')
  reply(dialog, 2_500, '200 OK', '1 INVITE', answer, sdp(dialog.proxy, 50_000))
  // The ACK of a 2xx is a separate transaction (RFC 3261 section 13.2.2.4).
  request(dialog, 9, '1 ACK', { Via: via(dialog.phone, `${dialog.id}-ack`) })
  request(dialog, 12_000, '2 BYE')
  reply(dialog, 4, '200 OK', '2 BYE')
}

let id = 0
function dialog(from: string, to: string, phone = PHONE, proxy = PROXY): Dialog {
  id++
  return { id, from, to, phone, proxy }
}

const registration = dialog('sip:alice@example.com', 'sip:alice@example.com')
const nonce = 'f0e1d2c3b4a59687'
const contact = { Contact: `<sip:alice@${hostPort(PHONE)}>`, Expires: '3600' }
request(registration, 0, '1 REGISTER', contact)
reply(registration, 3, '401 Unauthorized', '1 REGISTER', {
  'WWW-Authenticate': `Digest realm="example.com", nonce="${nonce}"`,
})
request(registration, 15, '2 REGISTER', {
  ...contact,
  Authorization: digest(nonce),
})
reply(registration, 5, '200 OK', '2 REGISTER', contact)

call(dialog('sip:alice@example.com', 'sip:00493012345678@example.com'))
call(dialog('sip:alice@example.com', 'sip:+14155550100@example.com', PHONE_6, PROXY_6))
call(dialog('sip:alice@example.com', 'sip:bob@example.com', PHONE_6, PROXY_6))
call(dialog('sip:carol@example.com', 'sip:004940123456@example.com'))

const refused = dialog('sip:robocall@example.org', 'sip:alice@example.com')
request(refused, 700, '1 INVITE', { Contact: `<sip:${hostPort(PHONE)}>` })
reply(refused, 2, '603 Decline', '1 INVITE')
request(refused, 3, '1 ACK')

const ping = dialog('sip:monitor@example.com', 'sip:example.com')
request(ping, 300, '1 OPTIONS')
reply(ping, 1, '200 OK', '1 OPTIONS', { Allow: 'INVITE, ACK, CANCEL, BYE, OPTIONS, REGISTER' })

writeFileSync(new URL('./calls.pcapng', import.meta.url), Buffer.concat(chunks))
