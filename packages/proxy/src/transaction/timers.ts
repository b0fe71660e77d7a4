/** Timer values (RFC 3261 table 4, RFC 6026), in milliseconds. */
export interface TimerValues {
  /** Estimate of the round trip. */
  t1: number
  /** Longest interval between retransmissions of requests other than INVITE, and of final replies to INVITE. */
  t2: number
  /** Longest time a message stays in the network. */
  t4: number
}

export const TIMERS: TimerValues = { t1: 500, t2: 4_000, t4: 5_000 }

/** Timers B, F, H, J, L and M. */
export function transactionTimeout({ t1 }: TimerValues): number {
  return 64 * t1
}

/** Timer D: how long replies to INVITE may still be retransmitted to us, over UDP. */
export function timerD(values: TimerValues): number {
  return Math.max(32_000 * (values.t1 / TIMERS.t1), transactionTimeout(values))
}
