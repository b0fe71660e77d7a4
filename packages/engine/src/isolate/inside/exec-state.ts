/** State that all copies of the message of one exec share. */
export interface ExecState {
  /** Number of calls of call_function so far. */
  calls: number
  /** Index of the exec in its batch. */
  index: number
  route: number
  srcIp: string
  srcPort: number
  dstIp: string
  dstPort: number
}
