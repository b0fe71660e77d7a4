export { CaptureEncoder, type CaptureEncoderOptions } from './capture-encoder.ts'
export { looksLikeCapture, STDIN } from './capture-file.ts'
export { type CaptureStats, createCaptureStats } from './capture-stats.ts'
export type { CapturedMessage } from './captured-message.ts'
export { CaptureError } from './errors.ts'
export { findCaptures } from './find-captures.ts'
export type { Frame } from './frame.ts'
export {
  type Datagram,
  type FrameEncoderOptions,
  ipFrames,
  tcpFrames,
  udpFrames,
} from './frame-encoder.ts'
export { PROTOCOL } from './ip.ts'
export { LINKTYPE } from './link-layer.ts'
export { replaceUdpPayload } from './replace-payload.ts'
export { type ReadOptions, readSIPMessages } from './sip-messages.ts'
