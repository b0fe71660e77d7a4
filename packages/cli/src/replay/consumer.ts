import type { ReplayedMessage } from './replayed-message.ts'

/**
 * Receives the messages of a replay: NDJSON, captures, reports and comparisons implement it. A new output is a new
 * implementation.
 */
export interface ReplayConsumer {
  /**
   * Takes messages in capture order, each once. The replay continues when the promise resolves. So a slow consumer
   * slows the replay down, and memory stays bounded.
   *
   * @returns false if nobody reads the output any more: the replay may then end
   * @throws CLIError ERR_SIPLET_OUTPUT, which ends the replay; every consumer is still closed
   */
  write(messages: readonly ReplayedMessage[]): Promise<boolean | undefined>
  /** Called once, whether the replay succeeded or failed. Resolves when everything taken is written. */
  close(): Promise<void>
}
