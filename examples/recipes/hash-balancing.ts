/**
 * Load balancing by hash: all messages of a call are sent to one gateway, without any state. The gateway with the
 * highest random weight is chosen, so removing a gateway moves only its own calls.
 */
import type { Handler, SIPMsg } from '@siplet/engine/script'

const GATEWAYS = ['sip:192.0.2.11:5060', 'sip:192.0.2.12:5060', 'sip:192.0.2.13:5060']

class HashBalancing implements Handler {
  child_init(_rank: number): number {
    return 0
  }

  request_route(msg: SIPMsg): number {
    if (msg.CallID === null) return -1
    let best = ''
    let highest = -1
    for (const gateway of GATEWAYS) {
      const weight = fnv1a(`${gateway} ${msg.CallID}`)
      if (weight <= highest) continue
      highest = weight
      best = gateway
    }
    msg.set_dst_uri(best)
    return 1
  }
}

/** FNV-1a with 32 bits, and a final step that spreads the last characters over all bits. */
function fnv1a(text: string): number {
  let hash = 0x811c9dc5
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  return (hash ^ (hash >>> 13)) >>> 0
}

export function mod_init(): HashBalancing {
  return new HashBalancing()
}
