import type { ReplayedMessage } from './replayed-message.ts'

/** What a replay is told to: NDJSON, captures, reports, comparisons. A new output is a new one of these. */
export interface ReplayConsumer {
  /**
   * Takes messages in capture order, each once. The replay goes on when this resolves, so slow consumers hold it back
   * and memory stays flat.
   *
   * @returns false once nobody reads the output any more: the replay may end then
   * @throws CLIError ERR_SIPLET_OUTPUT, which ends the replay; every consumer is still closed
   */
  write(messages: readonly ReplayedMessage[]): Promise<boolean | undefined>
  /** Called once, however the replay ended; resolves when everything taken is written. */
  close(): Promise<void>
}
