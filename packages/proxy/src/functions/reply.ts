import type { ProxyFunction } from './functions.ts'
import { statusPattern } from './status-pattern.ts'

/** sl_send_reply(code, reason): a reply without state; -1 for ACK, which is not replied to. */
export const slSendReply: ProxyFunction = (call, _message, args) => addReply(call, args, true)

/** t_reply(code, reason): a reply of the transaction, retransmitted until the ACK of an INVITE. */
export const tReply: ProxyFunction = (call, _message, args) => addReply(call, args, false)

/**
 * t_check_status(re): whether the status that failed, or the one of the reply, is what the expression describes,
 * such as "(486)|(408)" or "5[0-9][0-9]".
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
