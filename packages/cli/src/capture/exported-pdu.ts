/** Packets that Wireshark exported without the layers around them: items of type, length and value, then the packet. */
import { addressText } from './address.ts'

export interface ExportedPDU {
  transport: 'udp' | 'tcp'
  /** Source and destination; `0.0.0.0` and port 0 if Wireshark wrote none. IPv6 as in RFC 5952. */
  src: readonly [string, number]
  dst: readonly [string, number]
  payload: Buffer
}

/** https://www.wireshark.org/docs/wsar_html/exported__pdu__tlvs_8h.html */
const TAG = {
  END: 0,
  IPV4_SRC: 20,
  IPV4_DST: 21,
  IPV6_SRC: 22,
  IPV6_DST: 23,
  PORT_TYPE: 24,
  SRC_PORT: 25,
  DST_PORT: 26,
} as const
const PORT_TYPE_TCP = 2
const ITEM_HEADER_LENGTH = 4

/** @returns null if the items do not end within the data */
export function readExportedPDU(data: Buffer): ExportedPDU | null {
  const items = new Map<number, Buffer>()
  let at = 0
  for (;;) {
    if (data.length - at < ITEM_HEADER_LENGTH) return null
    const [tag, start] = [data.readUInt16BE(at), at + ITEM_HEADER_LENGTH]
    const end = start + data.readUInt16BE(at + 2)
    if (end > data.length) return null
    at = end
    if (tag === TAG.END) break
    items.set(tag, data.subarray(start, end))
  }
  const address = (v4: number, v6: number) => {
    const [four, six] = [items.get(v4), items.get(v6)]
    const bytes = four?.length === 4 ? four : six?.length === 16 ? six : undefined
    return bytes === undefined ? '0.0.0.0' : addressText(bytes, 0, bytes.length)
  }
  const number = (tag: number) => {
    const item = items.get(tag)
    return item?.length === 4 ? item.readUInt32BE(0) : 0
  }
  return {
    transport: number(TAG.PORT_TYPE) === PORT_TYPE_TCP ? 'tcp' : 'udp',
    src: [address(TAG.IPV4_SRC, TAG.IPV6_SRC), number(TAG.SRC_PORT) & 0xffff],
    dst: [address(TAG.IPV4_DST, TAG.IPV6_DST), number(TAG.DST_PORT) & 0xffff],
    payload: data.subarray(at),
  }
}
