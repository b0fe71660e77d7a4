/** The outputs of a replay: they are checked before it starts, opened with its first messages, and closed at its end. */
import { scriptSources } from '@siplet/engine'
import { CaptureWriter } from '../../output/capture-writer.ts'
import { NDJSONWriter } from '../../output/ndjson.ts'
import { refuseUnwritable } from '../../output/output-file.ts'
import { refuseOverwrites } from '../../output/overwrites.ts'
import type { ReplayConsumer } from '../../replay/consumer.ts'
import type { ReplayedMessage } from '../../replay/replayed-message.ts'
import { type ReportSubject, ReportWriter } from '../../report/report-writer.ts'
import type { ReplayRunOptions } from './options.ts'

/** @throws CLIError ERR_SIPLET_OVERWRITE, ERR_SIPLET_OUTPUT */
export async function checkOutputs(
  captures: readonly string[],
  { out, ndjson, report, script, scriptRoot, compare, functions, expect }: ReplayRunOptions,
): Promise<void> {
  if (out === undefined && ndjson === undefined && report === undefined) return
  const scripts = [script, compare].filter((path) => path !== undefined)
  const sources = await Promise.all(scripts.map((path) => scriptSources(path, scriptRoot)))
  const others = [functions, expect].filter((path) => path !== undefined)
  const inputs = [...captures, ...sources.flat(), ...others]
  await refuseOverwrites({ '--out': out, '--ndjson': ndjson, '--report': report }, inputs)
  for (const path of [out, ndjson, report]) {
    if (path !== undefined && path !== '-') await refuseUnwritable(path)
  }
}

/** All consumers of a replay. */
export class Outputs {
  readonly #options: ReplayRunOptions
  readonly #subject: ReportSubject
  readonly #first: ReplayConsumer
  readonly #compared: readonly ReplayConsumer[]
  #consumers: readonly ReplayConsumer[] = []
  #writer: CaptureWriter | undefined
  #report: ReportWriter | undefined

  /**
   * @param first gets each message before all outputs, so that it has seen messages of which writing fails
   * @param compared consumers that compare decisions
   */
  constructor(
    options: ReplayRunOptions,
    subject: ReportSubject,
    first: ReplayConsumer,
    compared: readonly ReplayConsumer[],
  ) {
    this.#options = options
    this.#subject = subject
    this.#first = first
    this.#compared = compared
  }

  /** Number of messages that --out did not write. */
  get notWritten(): number {
    return this.#writer?.tooLong ?? 0
  }

  /** Whether --report was written completely. */
  get reported(): boolean {
    return this.#report?.complete === true
  }

  /**
   * Opens the files, on the first call. This deletes their old content. So it must not be called before the captures
   * could be read.
   *
   * @throws CLIError ERR_SIPLET_OUTPUT
   */
  async open(): Promise<void> {
    if (this.#consumers.length > 0) return
    const { out, ndjson, report } = this.#options
    if (report !== undefined) this.#report = await ReportWriter.open(report, this.#subject)
    if (out !== undefined) this.#writer = new CaptureWriter(out)
    const lines = ndjson === undefined ? undefined : new NDJSONWriter(ndjson)
    // The report is last: when it is closed, it includes how the other consumers ended.
    this.#consumers = [this.#first, lines, this.#writer, ...this.#compared, this.#report].filter(
      (consumer) => consumer !== undefined,
    )
  }

  /** Returns false if nobody reads one of the outputs any more. */
  async write(messages: readonly ReplayedMessage[]): Promise<boolean> {
    let read = true
    for (const consumer of this.#consumers) if ((await consumer.write(messages)) === false) read = false
    return read
  }

  /** Closes all consumers, whatever happens. Returns the first error as `{ error }`. */
  async close(): Promise<{ error: unknown } | undefined> {
    let failure: { error: unknown } | undefined
    for (const consumer of this.#consumers) {
      try {
        await consumer.close()
      } catch (error) {
        failure ??= { error }
      }
    }
    return failure
  }
}
