/** The outcome of a call, in the words of sngrep. For other requests, how they were answered. */

/** The part of a report that tells the outcome of a call. */
interface Messages {
  readonly index: { readonly messages: { readonly status: readonly number[] } }
  text(column: 'method', message: number): string | null
  title(message: number): string
}

export interface CallState {
  /** INVITE if any message is an INVITE or a reply to one, else the method of the first request. */
  readonly method: string
  readonly words: string
  readonly outcome: 'good' | 'bad' | 'open'
}

const CHALLENGES = [401, 407]

export function callState(report: Messages, messages: readonly number[]): CallState {
  const { status } = report.index.messages
  const first =
    messages.find((message) => report.text('method', message) === 'INVITE') ??
    messages.find((message) => status[message] === 0) ??
    messages[0]!
  const method = report.text('method', first) ?? ''
  const finals = messages.filter(
    (message) => status[message]! >= 200 && report.text('method', message) === method,
  )
  const last = finals.at(-1)
  const good = finals.findLast((message) => status[message]! < 300)
  const requested = (name: string) =>
    messages.some((message) => status[message] === 0 && report.text('method', message) === name)

  if (method === 'INVITE') {
    if (good !== undefined) {
      return { method, words: requested('BYE') ? 'completed' : 'in call', outcome: 'good' }
    }
    if (last === undefined) {
      return requested('CANCEL')
        ? { method, words: 'cancelled', outcome: 'bad' }
        : { method, words: 'call setup', outcome: 'open' }
    }
    return { method, words: unsuccessful(report, last), outcome: 'bad' }
  }
  if (last === undefined) return { method, words: 'no answer', outcome: 'open' }
  return {
    method,
    words: report.title(good ?? last).replace(' (SDP)', ''),
    outcome: good === undefined ? 'bad' : 'good',
  }
}

function unsuccessful(report: Messages, message: number): string {
  const status = report.index.messages.status[message]!
  if (status === 487) return 'cancelled'
  if (status === 486 || status === 600) return `busy (${status})`
  if (CHALLENGES.includes(status)) return `challenged (${status})`
  return status < 400 ? `diverted (${status})` : `rejected (${status})`
}
