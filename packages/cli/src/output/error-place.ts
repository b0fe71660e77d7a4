import type { SipletError } from '@siplet/engine'

/** Where in the script an error arose, as `file:line:column`; null where its stack has no place. */
export function errorPlace(error: SipletError): string | null {
  return /^\s+at .*?\(?([^\s()]+:\d+:\d+)\)?$/m.exec(error.stack ?? '')?.[1] ?? null
}
