/** Captures that contain everything that the reader can read. */
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { ipFrames, LINKTYPE, PROTOCOL, udpFrames } from '../../packages/cli/src/capture/index.ts'
import { captureOf } from '../support/capture-reading.ts'
import { hepPacket, TCPSide, vxlan, webSocketFrame } from '../support/encapsulation.ts'
import { INVITE, inviteOf, RINGING } from '../support/messages.ts'

export function seedCaptures(): Buffer[] {
  const ends = { src: ['192.0.2.10', 5060], dst: ['192.0.2.1', 5060] } as const
  const v6 = { src: ['2001:db8::10', 5060], dst: ['::1', 5061] } as const
  const ethernet = { linktype: LINKTYPE.ETHERNET }
  const payload = Buffer.from(INVITE)
  const plain = udpFrames({ ...ends, payload }, ethernet)
  const tcp = new TCPSide(ends.src, ends.dst)
  const ws = new TCPSide(v6.src, v6.dst)
  const address = (last: number) => Buffer.from([10, 0, 0, last])
  const port = Buffer.from([19, 196])
  const hep = hepPacket([
    [3, address(1)],
    [4, address(2)],
    [7, port],
    [8, port],
    [15, payload],
  ])
  const inner = udpFrames({ ...ends, payload }, { linktype: LINKTYPE.RAW })[0]!
  const gre = Buffer.concat([Buffer.from('00000800', 'hex'), inner])
  const ip = { src: '192.0.2.1', dst: '192.0.2.2' }
  const datagrams = [
    ...plain,
    ...udpFrames({ ...ends, payload }, { ...ethernet, mtu: 100, vlans: [5, 6] }),
    ...udpFrames({ ...v6, payload }, { ...ethernet, mtu: 150, identification: 9 }),
  ]
  const tunnels = [
    ...udpFrames({ ...ends, dst: ['192.0.2.1', 4789], payload: vxlan(plain[0]!) }, ethernet),
    ...udpFrames({ ...ends, dst: ['192.0.2.1', 9060], payload: hep }, ethernet),
    ...ipFrames({ ...ip, protocol: PROTOCOL.GRE, payload: gre }, ethernet),
    ...ipFrames({ ...ip, protocol: PROTOCOL.IPIP, payload: inner }, ethernet),
  ]
  const streams = [
    tcp.syn(),
    tcp.send(INVITE + RINGING.slice(0, 30)),
    tcp.send(RINGING.slice(30) + inviteOf('2')),
    ws.send(webSocketFrame(INVITE.slice(0, 90), { mask: 0x01020304, final: false })),
    ws.send(webSocketFrame(INVITE.slice(90), { mask: 0x01020304, opcode: 0 })),
    tcp.send(inviteOf('3')),
    tcp.fin(),
  ]
  return [
    captureOf(datagrams),
    captureOf(tunnels, 100, 'pcap'),
    captureOf(streams),
    captureOf([...datagrams, ...tunnels, ...streams], 200, 'pcap'),
    gzipSync(captureOf(streams)),
    zstdCompressSync(captureOf(datagrams)),
  ]
}
