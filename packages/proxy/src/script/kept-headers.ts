/**
 * Headers that a script must not remove or change: without them, no reply finds its way back (RFC 3261 section
 * 8.2.6.2).
 */
import type { SIPMessage } from '@siplet/sipmsg'

const UNCHANGED = ['Via', 'CSeq'] as const
const PRESENT = ['From', 'To', 'Call-ID'] as const

/** Returns the name of the first such header that the edited message lost; null if all are present. */
export function lostHeader(edited: SIPMessage, original: SIPMessage): string | null {
  if (edited.splices.length === 0) return null
  for (const name of UNCHANGED) {
    const [now, before] = [edited.getHeadersBytes(name), original.getHeadersBytes(name)]
    if (now.length !== before.length || now.some((value, index) => value !== before[index])) return name
  }
  return PRESENT.find((name) => edited.getHeaderBytes(name) === null) ?? null
}
