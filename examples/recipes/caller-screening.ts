/**
 * Caller screening: blocks callers by URI, by domain or by source network, and anonymous callers unless they come from
 * a trunk.
 */
import type { Handler, SIPMsg } from '@siplet/engine/script'

const BLOCKED_URIS = new Set(['sip:robocall@example.org'])
const BLOCKED_DOMAINS = new Set(['spam.example'])
/** Prefixes of addresses. */
const BLOCKED_NETWORKS = ['203.0.113.']
/** Carriers that may send anonymous calls. */
const TRUNKS = new Set(['192.0.2.30'])

class CallerScreening implements Handler {
  child_init(_rank: number): number {
    return 0
  }

  request_route(msg: SIPMsg): number {
    if (msg.Method !== 'INVITE') return 1
    const [ip] = msg.src_address
    const caller = (msg.get_pseudoVar('$fU') ?? '').toLowerCase()
    const domain = (msg.get_pseudoVar('$fd') ?? '').toLowerCase()
    if (BLOCKED_NETWORKS.some((network) => ip.startsWith(network))) return this.#refuse(msg, 'network')
    if (BLOCKED_URIS.has(`sip:${caller}@${domain}`)) return this.#refuse(msg, 'caller')
    if (BLOCKED_DOMAINS.has(domain)) return this.#refuse(msg, 'domain')
    // RFC 3261 section 8.1.1.3; RFC 3323 section 4.1
    const anonymous = caller === 'anonymous' || domain === 'anonymous.invalid'
    if (anonymous && !TRUNKS.has(ip)) return this.#refuse(msg, 'anonymous')
    msg.removeHeader('X-Screening') // only this script may set it
    msg.appendHeader('X-Screening', 'passed')
    return 1
  }

  #refuse(msg: SIPMsg, reason: string): number {
    LM_NOTICE(`refused ${msg.FromURI} from ${msg.src_address[0]}: ${reason}`)
    return -1
  }
}

export function mod_init(): CallerScreening {
  return new CallerScreening()
}
