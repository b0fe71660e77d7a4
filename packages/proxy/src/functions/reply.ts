import type { ProxyFunction } from './proxy-function.ts'
import { statusPattern } from './status-pattern.ts'

/** sl_send_reply(code, reason): replies without state. Returns -1 for an ACK, which has no reply. */
export const slSendReply: ProxyFunction = (call, _message, args) => addReply(call, args, true)

/**
 * t_reply(code, reason): replies with the transaction. To an INVITE, the reply is retransmitted until the ACK comes.
 */
export const tReply: ProxyFunction = (call, _message, args) => addReply(call, args, false)

/**
 * t_check_status(re): returns whether the expression, such as "(486)|(408)" or "5[0-9][0-9]", matches the status of the
 * failure or of the reply.
 */
export const tCheckStatus: ProxyFunction = (call, message, [expression]) => {
  const status = call.failure?.reply.status ?? message.status
  return statusPattern(String(expression))(String(status)) ? 1 : -1
}

function addReply(
  call: Parameters<ProxyFunction>[0],
  [code, reason]: readonly (string | number)[],
  stateless: boolean,
): number {
  const status = Number(code)
  if (!Number.isInteger(status) || status < 100 || status > 699) {
    throw new Error(`the code must be 100 to 699, not ${JSON.stringify(code)}`)
  }
  const text = String(reason ?? '')
  if (/[\r\n\0]/.test(text) || text.length > 1_000) {
    throw new Error('the reason must be one line of at most 1,000 characters')
  }
  const final = call.replies.some((given) => given.status >= 200)
  if (call.request.method === 'ACK' || final || call.relay !== null || call.dropped) return -1
  call.replies.push({ stateless, status, reason: text })
  return 1
}
