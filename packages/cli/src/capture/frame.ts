/** One captured frame, whatever file format it came in. */
export interface Frame {
  /** Counted from 1, as tshark does. */
  readonly number: number
  /** Time of capture: whole seconds since 1970, and the nanoseconds beyond them. */
  readonly seconds: number
  readonly nanos: number
  /** What `data` begins with: a LINKTYPE_ value of the pcap specifications. */
  readonly linktype: number
  /** Resolution of the times of its interface; 1e6 is microseconds. */
  readonly ticksPerSecond: number
  /** The bytes captured. Valid as long as they are kept, a view into the chunk that was read. */
  readonly data: Buffer
}

/** What a file format's reader says about the bytes it was shown. */
export type RecordEnd =
  /** Offset behind the record that was read. */
  | number
  /** The record does not end within the bytes. */
  | 'incomplete'
  /** The record cannot be what it says: nothing behind it can be read. */
  | { corrupt: string }

/** Reads one file format, record by record. */
export interface FrameFormat {
  /** Reads the record at `at` and appends its frame, if it holds one, to `frames`. */
  read(bytes: Buffer, at: number, frames: Frame[]): RecordEnd
}

/** A record that claims more bytes than this is taken as corrupt: no capture tool writes such. */
export const MAX_RECORD_BYTES = 16 * 1_024 * 1_024
