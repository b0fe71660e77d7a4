import { SipletError } from '@siplet/engine'
import { ProxyError } from '@siplet/proxy'
import { SIPMessageError } from '@siplet/sipmsg'
import { CaptureError } from './capture/index.ts'
import { CLIError } from './errors.ts'
import { tell } from './output/talk.ts'

/** Reports an error on stderr without a stack trace. An error that is our own fault is thrown again. */
export function reportError(error: unknown): void {
  if (!isOurs(error)) throw error
  tell(`siplet: ${error.code}: ${error.message}`)
}

function isOurs(error: unknown): error is Error & { code: string } {
  return [CLIError, CaptureError, SipletError, ProxyError, SIPMessageError].some(
    (type) => error instanceof type,
  )
}
