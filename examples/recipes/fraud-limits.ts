/**
 * Fraud limits per caller: a number of calls per time window, and fewer to premium numbers. The counters are part of
 * the child's state. The calls of one caller may be run by several children, so each limit applies per child.
 */
import type { Handler, SIPMsg } from '@siplet/engine/script'

const WINDOW_MS = 60_000
const MAX_CALLS = 5
const PREMIUM = ['+49900', '+1900']
const MAX_PREMIUM_CALLS = 2
/** Upper bound on remembered callers. Beyond it, the oldest is forgotten, so memory stays bounded. */
const MAX_CALLERS = 10_000

interface Call {
  at: number
  premium: boolean
}

class FraudLimits implements Handler {
  readonly #calls = new Map<string, Call[]>()

  child_init(_rank: number): number {
    return 0
  }

  request_route(msg: SIPMsg): number {
    // A re-INVITE has a tag in To (RFC 3261 section 12.2). It is not a new call.
    if (msg.Method !== 'INVITE' || msg.ToTag !== null) return 1
    const caller = msg.FromURI ?? msg.src_address[0]
    const now = Date.now()
    const calls = (this.#calls.get(caller) ?? []).filter(({ at }) => now - at < WINDOW_MS)
    const number = msg.get_pseudoVar('$rU') ?? ''
    const premium = PREMIUM.some((prefix) => number.startsWith(prefix))
    const premiumCalls = calls.filter((call) => call.premium).length
    if (calls.length >= MAX_CALLS || (premium && premiumCalls >= MAX_PREMIUM_CALLS)) {
      LM_WARN(`${caller}: ${calls.length} calls, ${premiumCalls} premium, within a minute: ${number} refused`)
      return -1
    }
    calls.push({ at: now, premium })
    this.#remember(caller, calls)
    return 1
  }

  #remember(caller: string, calls: Call[]): void {
    if (!this.#calls.has(caller) && this.#calls.size >= MAX_CALLERS) {
      for (const first of this.#calls.keys()) {
        this.#calls.delete(first)
        break
      }
    }
    this.#calls.set(caller, calls)
  }
}

export function mod_init(): FraudLimits {
  return new FraudLimits()
}
