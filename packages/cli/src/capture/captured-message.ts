import type { Frame } from './frame.ts'

/** A SIP message of a capture. */
export interface CapturedMessage {
  /** Path of the capture. */
  readonly file: string
  /** Number of the frame in which the message ended. */
  readonly frame: number
  /**
   * Time of that frame: seconds since 1970, with nine decimals. For HEP, the time at which the agent saw the message.
   */
  readonly time: string
  readonly transport: 'udp' | 'tcp' | 'ws'
  /** Source: IP address (IPv6 as in RFC 5952) and port. */
  readonly src: readonly [string, number]
  readonly dst: readonly [string, number]
  readonly bytes: Buffer
  /** The frame in which the message was captured. Only with `keepFrames`. */
  readonly origin?: MessageOrigin
}

/** Everything that is needed to write a message back into its frame. */
export interface MessageOrigin {
  /** The frame in which the message ended. If the message came in pieces, the frame holds only the last piece. */
  readonly frame: Frame
  /** Offset in bytes of the outermost IP packet in `frame.data`, after the headers of the link layer. */
  readonly networkOffset: number
  /**
   * Place of the message in `frame.data`, if it is the payload of one UDP datagram of the outermost IP packet, so that
   * it can be replaced. Null for fragments, streams, tunnels and HEP.
   */
  readonly payload: { readonly offset: number; readonly length: number } | null
}
