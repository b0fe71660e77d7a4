import type { Truncation } from './capture-file.ts'

/** What was found in the captures, and what was left out: nothing is lost without being counted. */
export interface CaptureStats {
  frames: number
  /** Of the files: bytes read, before decompression. */
  bytes: number
  /** SIP messages delivered. */
  messages: number
  skipped: {
    /** Frames of a link layer that is not supported. */
    linktype: number
    /** Frames without an IP packet, such as ARP. */
    notIP: number
    /** Fragments whose other pieces are not in the capture. */
    fragments: number
    /** Places in TCP streams where a part of a message is missing: gaps, and ends within a message. */
    tcp: number
    /** Parts of streams of SIP that are no message: what cannot be framed, compressed WebSocket messages. */
    notFramed: number
    /** TCP streams on port 5060 or 5061 that are encrypted (TLS). */
    encrypted: number
    /** HEP packets without SIP in them. */
    hep: number
    /** Datagrams on port 5060 or 5061 that are not SIP. */
    notSIP: number
    /** Keep-alives: datagrams of CRLF or zero bytes only. */
    keepAlive: number
    /** Packets whose headers contradict their length. */
    malformed: number
  }
  /** By path: captures that end, or cannot be read on, before their end. */
  truncated: Record<string, Truncation>
  /** Numbers of the linktypes that are not supported. */
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
