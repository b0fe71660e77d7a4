/** Timer values (RFC 3261 table 4, RFC 6026), in milliseconds. */
export interface TimerValues {
  /** Estimate of the round-trip time. */
  t1: number
  /** Longest interval between retransmissions of non-INVITE requests, and of final replies to INVITE. */
  t2: number
  /** Longest time that a message stays in the network. */
  t4: number
}

export const TIMERS: TimerValues = { t1: 500, t2: 4_000, t4: 5_000 }

/** Returns the length of timers B, F, H, J, L and M, in milliseconds. */
export function transactionTimeout({ t1 }: TimerValues): number {
  return 64 * t1
}

/** Returns the length of timer D, in milliseconds: how long the peer may retransmit a reply to an INVITE over UDP. */
export function timerD(values: TimerValues): number {
  return Math.max(32_000 * (values.t1 / TIMERS.t1), transactionTimeout(values))
}
