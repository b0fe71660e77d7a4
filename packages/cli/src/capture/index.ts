export { CaptureEncoder, type CaptureEncoderOptions } from './capture-encoder.ts'
export { type CaptureStats, createCaptureStats } from './capture-stats.ts'
export { CAPTURE_ERRORS, CaptureError } from './errors.ts'
export type { Frame } from './frame.ts'
export { type Datagram, type FrameEncoderOptions, udpFrames } from './frame-encoder.ts'
export { LINKTYPE } from './link-layer.ts'
export {
  type CapturedMessage,
  type MessageOrigin,
  type ReadOptions,
  readSIPMessages,
} from './sip-messages.ts'
