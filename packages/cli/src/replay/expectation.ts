/** `--expect`: compares the decisions of this run with those of a recorded run, line by line. */
import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { CLIError } from '../errors.ts'
import type { ReplayConsumer } from './consumer.ts'
import { DifferenceCollector, decisionDifferences, decisionOf } from './decisions.ts'
import type { NDJSONLine, ReplayedMessage } from './replayed-message.ts'

/** Fields that identify a message. The path is not one of them, so captures may have moved. */
const IDENTITY = ['frame', 'type', 'method', 'status', 'callId', 'cseq'] as const

export class Expectation implements ReplayConsumer {
  readonly differences = new DifferenceCollector()
  readonly #path: string
  readonly #lines: AsyncIterator<string>
  #number = 0
  /** The first line, until it is compared. Null if the recording is empty. */
  #first: NDJSONLine | null | undefined
  #failed = false

  /**
   * Opens a recording and checks that its first line is a line of a recording.
   *
   * @param path NDJSON, as written by `--ndjson` with the same captures and options
   * @throws CLIError ERR_SIPLET_EXPECTATION
   */
  static async open(path: string): Promise<Expectation> {
    const expectation = new Expectation(path)
    expectation.#first = await expectation.#read()
    return expectation
  }

  private constructor(path: string) {
    this.#path = path
    this.#lines = lines(path)
  }

  /** Whether the recording stopped matching the messages before the end. */
  get failed(): boolean {
    return this.#failed
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

  /** @throws CLIError ERR_SIPLET_EXPECTATION if `whole` is set and lines of the recording are left over */
  async finish(whole: boolean): Promise<void> {
    if (whole && (await this.#next()) !== null) {
      throw this.#error(`line ${this.#number} and what follows has no message in the captures`)
    }
  }

  async close(): Promise<void> {
    await this.#lines.return?.()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #next(): Promise<NDJSONLine | null> {
    const first = this.#first
    if (first === undefined) return await this.#read()
    this.#first = undefined
    return first
  }

  async #read(): Promise<NDJSONLine | null> {
    let line: unknown
    try {
      const { value, done } = await this.#lines.next()
      if (done) return null
      this.#number++
      line = JSON.parse(value)
    } catch (cause) {
      const { code, message } = cause as NodeJS.ErrnoException
      const reason = { ENOENT: 'there is no such file', EISDIR: 'it is a folder' }[code ?? '']
      throw this.#error(reason ?? `line ${this.#number || 1} cannot be read: ${message}`, cause)
    }
    if (isRecorded(line)) return line
    throw this.#error(`line ${this.#number} is not what --ndjson writes of a message`)
  }

  #error(reason: string, cause?: unknown): CLIError {
    this.#failed = true
    return new CLIError(
      'ERR_SIPLET_EXPECTATION',
      `--expect ${this.#path}: ${reason}; record it again with --ndjson and the same captures and options`,
      { cause },
    )
  }
}

function isRecorded(line: unknown): line is NDJSONLine {
  return typeof line === 'object' && line !== null && IDENTITY.every((field) => field in line)
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
