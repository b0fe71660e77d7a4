import type { Frame } from './frame.ts'

/** A SIP message of a capture. */
export interface CapturedMessage {
  /** Path of the capture. */
  readonly file: string
  /** Number of the frame in which the message ended. */
  readonly frame: number
  /** When that was: seconds since 1970, with nine decimals. In HEP, when the agent saw the message. */
  readonly time: string
  readonly transport: 'udp' | 'tcp' | 'ws'
  /** IP address (IPv6 as in RFC 5952) and port. */
  readonly src: readonly [string, number]
  readonly dst: readonly [string, number]
  readonly bytes: Buffer
  /** What the message was captured in; only with `keepFrames`. */
  readonly origin?: MessageOrigin
}

/** What it takes to write a message again as it was captured. */
export interface MessageOrigin {
  /** The frame in which the message ended. Of messages in pieces it holds the last of them. */
  readonly frame: Frame
  /** Offset in `frame.data` of the outermost IP packet, the link layer's headers being in front of it: bytes. */
  readonly networkOffset: number
  /**
   * Where the message stands in `frame.data`, when it is the payload of one UDP datagram of the outermost IP packet and
   * can be replaced in place. Null where it cannot: in fragments, streams, tunnels and HEP.
   */
  readonly payload: { readonly offset: number; readonly length: number } | null
}
