/** Decompresses the messages of one direction of a WebSocket connection (permessage-deflate, RFC 7692). */
import { constants, inflateRawSync } from 'node:zlib'

/** A sender may refer to this number of bytes of earlier messages (RFC 7692 section 7.1.2). */
const WINDOW_BYTES = 32_768
/** A sender leaves these bytes out at the end of each message (RFC 7692 section 7.2.1). */
const TAIL = Buffer.from([0x00, 0x00, 0xff, 0xff])

export class MessageInflater {
  /** The last bytes of the earlier messages. Undefined before the first message, and after one that is missing. */
  #window: Buffer | undefined

  /** Bytes of memory in use. */
  get held(): number {
    return this.#window?.length ?? 0
  }

  /** @returns null for a message that is damaged, larger than `maxBytes`, or refers to bytes that are missing */
  inflate(message: Buffer, maxBytes: number): Buffer | null {
    try {
      const text = inflateRawSync(Buffer.concat([message, TAIL]), {
        // The decompressor refuses an empty dictionary.
        ...(this.#window?.length && { dictionary: this.#window }),
        finishFlush: constants.Z_SYNC_FLUSH,
        maxOutputLength: maxBytes,
      })
      const known = this.#window === undefined ? text : Buffer.concat([this.#window, text])
      // Copied: a view would keep all of it in memory.
      this.#window = Buffer.from(known.subarray(-WINDOW_BYTES))
      return text
    } catch {
      this.#window = undefined
      return null
    }
  }
}
