/** One captured frame, independent of the file format. */
export interface Frame {
  /** Counted from 1, as tshark does. */
  readonly number: number
  /** Time of capture: whole seconds since 1970, and nanoseconds beyond them. */
  readonly seconds: number
  readonly nanos: number
  /** Protocol at the beginning of `data`: a LINKTYPE_ value of the pcap specifications. */
  readonly linktype: number
  /** Time resolution of the frame's interface in ticks per second; 1e6 means microseconds. */
  readonly ticksPerSecond: number
  /** The captured bytes: a view into the chunk that was read. The view stays valid. */
  readonly data: Buffer
}

/** The result of reading a record. */
export type RecordEnd =
  /** The offset after the record. It exceeds the number of bytes if the rest of the record is to be skipped. */
  | number
  /** The record does not end within the bytes. */
  | 'incomplete'
  /** The record contradicts itself. Nothing after it can be read. */
  | { corrupt: string }

/** Reads one file format, record by record. */
export interface FrameFormat {
  /** Reads the record at `at`. If it holds a frame, appends the frame to `frames`. */
  read(bytes: Buffer, at: number, frames: Frame[]): RecordEnd
}

/** A record that claims more bytes than this is treated as corrupt: no capture tool writes such records. */
export const MAX_RECORD_BYTES = 16 * 1_024 * 1_024
