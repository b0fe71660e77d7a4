/** Every error that a capture can raise: when it happens and what to do about it. Codes are stable. */
export const CAPTURE_ERRORS = {
  ERR_SIPLET_CAPTURE_NOT_FOUND:
    'the capture cannot be read; give the path of an existing file, or of a directory with captures',
  ERR_SIPLET_CAPTURE_FORMAT: 'the file is neither pcap nor pcapng; convert it with tshark or editcap',
} as const

/** The capture cannot be used at all. Problems inside a capture are counted in CaptureStats instead. */
export class CaptureError extends Error {
  override readonly name = 'CaptureError'
  readonly code: keyof typeof CAPTURE_ERRORS

  constructor(code: keyof typeof CAPTURE_ERRORS, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
