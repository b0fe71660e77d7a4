import type { Truncation } from './capture-file.ts'

/** What was found in the captures, and what was left out: nothing is lost without being counted. */
export interface CaptureStats {
  frames: number
  /** Of the files: bytes read. */
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
    /** TCP segments that look like SIP: TCP is not reassembled. */
    tcp: number
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
    skipped: { linktype: 0, notIP: 0, fragments: 0, tcp: 0, notSIP: 0, keepAlive: 0, malformed: 0 },
    truncated: {},
    unknownLinktypes: [],
  }
}
