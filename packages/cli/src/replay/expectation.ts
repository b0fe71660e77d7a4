/** `--expect`: the decisions of a recorded run, line by line beside those of this one. */
import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { CLIError } from '../errors.ts'
import type { ReplayConsumer } from './consumer.ts'
import { DifferenceCollector, decisionDifferences, decisionOf } from './decisions.ts'
import type { NDJSONLine, ReplayedMessage } from './replayed-message.ts'

/** Fields by which a line and a message are known to be the same; captures may have moved. */
const IDENTITY = ['frame', 'type', 'method', 'status', 'callId', 'cseq'] as const

export class Expectation implements ReplayConsumer {
  readonly differences = new DifferenceCollector()
  readonly #path: string
  readonly #lines: AsyncIterator<string>
  #number = 0

  /** @param path NDJSON, as `--ndjson` writes it with the same captures and options */
  constructor(path: string) {
    this.#path = path
    this.#lines = lines(path)
  }

  /** @throws CLIError ERR_SIPLET_EXPECTATION */
  async write(messages: readonly ReplayedMessage[]): Promise<undefined> {
    for (const replayed of messages) {
      const expected = await this.#next()
      const found = replayed.line
      if (expected === null) throw this.#error(`it ends before frame ${found.frame} of ${found.file}`)
      const other = IDENTITY.find((field) => expected[field] !== found[field])
      if (other !== undefined) {
        throw this.#error(
          `line ${this.#number} is of another message than frame ${found.frame} of ${found.file}: ` +
            `${other} is ${JSON.stringify(expected[other])}, not ${JSON.stringify(found[other])}`,
        )
      }
      this.differences.add(replayed, decisionDifferences(decisionOf(expected), decisionOf(found)))
    }
  }

  /** @throws CLIError ERR_SIPLET_EXPECTATION where lines are left over and `whole` */
  async finish(whole: boolean): Promise<void> {
    if (whole && (await this.#next()) !== null) {
      throw this.#error(`line ${this.#number} and what follows has no message in the captures`)
    }
  }

  async close(): Promise<void> {
    await this.#lines.return?.()
  }

  async #next(): Promise<NDJSONLine | null> {
    try {
      const { value, done } = await this.#lines.next()
      if (done) return null
      this.#number++
      return JSON.parse(value)
    } catch (cause) {
      throw this.#error(`line ${this.#number || 1} cannot be read: ${(cause as Error).message}`, cause)
    }
  }

  #error(reason: string, cause?: unknown): CLIError {
    return new CLIError(
      'ERR_SIPLET_EXPECTATION',
      `--expect ${this.#path}: ${reason}; record it anew with --ndjson, same captures and options`,
      { cause },
    )
  }
}

async function* lines(path: string): AsyncGenerator<string> {
  const input = createReadStream(path)
  const failed = new Promise<never>((_, reject) => input.once('error', reject))
  failed.catch(() => {})
  const reader = createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })[Symbol.asyncIterator]()
  try {
    for (;;) {
      const { value, done } = await Promise.race([reader.next(), failed])
      if (done) return
      if (value !== '') yield value
    }
  } finally {
    input.destroy()
  }
}
