import type { Truncation } from './capture-file.ts'

/** What was found in the captures, and what was left out. Everything that is left out is counted. */
export interface CaptureStats {
  frames: number
  /** Bytes read from the files, before decompression. */
  bytes: number
  /** SIP messages that were delivered. */
  messages: number
  skipped: {
    /** Frames with an unsupported link layer. */
    linktype: number
    /** Frames without an IP packet, such as ARP. */
    notIP: number
    /** Fragments whose other fragments are not in the capture. */
    fragments: number
    /** Places in TCP streams where a part of a message is missing: gaps, and streams that end within a message. */
    tcp: number
    /** Parts of SIP streams that are no messages: bytes that cannot be framed, and compressed WebSocket messages. */
    notFramed: number
    /** Encrypted TCP streams (TLS) on port 5060 or 5061. */
    encrypted: number
    /** HEP packets that contain no SIP. */
    hep: number
    /** Datagrams on port 5060 or 5061 that are not SIP. */
    notSIP: number
    /** Keep-alives: datagrams of CRLF or zero bytes only. */
    keepAlive: number
    /** Packets whose headers contradict their length. */
    malformed: number
  }
  /** By path: captures that end, or become unreadable, before their end. */
  truncated: Record<string, Truncation>
  /** The unsupported linktypes that were found. */
  unknownLinktypes: number[]
}

export function createCaptureStats(): CaptureStats {
  return {
    frames: 0,
    bytes: 0,
    messages: 0,
    skipped: {
      linktype: 0,
      notIP: 0,
      fragments: 0,
      tcp: 0,
      notFramed: 0,
      encrypted: 0,
      hep: 0,
      notSIP: 0,
      keepAlive: 0,
      malformed: 0,
    },
    truncated: {},
    unknownLinktypes: [],
  }
}
