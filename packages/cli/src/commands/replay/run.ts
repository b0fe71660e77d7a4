/** One run of `siplet replay`: opens scripts and outputs, replays, prints the results. */
import { stat } from 'node:fs/promises'
import type { Engine } from '@siplet/engine'
import { createCaptureStats, findCaptures } from '../../capture/index.ts'
import { EXIT } from '../../errors.ts'
import { showProgress } from '../../output/progress.ts'
import { type ReplaySummary, SummaryCollector } from '../../output/summary.ts'
import { leftOut } from '../../output/summary-text.ts'
import { tell } from '../../output/talk.ts'
import { Comparison } from '../../replay/comparison.ts'
import { Expectation } from '../../replay/expectation.ts'
import { replay } from '../../replay/replay.ts'
import { Retransmissions } from '../../replay/retransmissions.ts'
import { startEngine } from '../../script-functions.ts'
import { chosenMethods, type ReplayMethods } from './methods.ts'
import type { ReplayRunOptions } from './options.ts'
import { checkOutputs, Outputs } from './outputs.ts'
import { type Comparisons, differencesOf, exitCodeOf, printResults } from './results.ts'

/**
 * Replays once, writes the requested outputs and prints the summary.
 *
 * @param paths captures, and directories that contain captures
 * @param replyGiven whether the user named the reply method; then the script must have it
 * @returns the exit code
 * @throws CLIError, CaptureError, SipletError; everything done before the error is written and summarised
 */
export async function runReplay(
  paths: readonly string[],
  options: ReplayRunOptions,
  replyGiven: boolean,
): Promise<number> {
  const captures = await findCaptures(paths)
  await checkOutputs(captures, options)
  await using expectation = options.expect === undefined ? undefined : await Expectation.open(options.expect)
  await using engine = await startEngine(options, options)
  const methods = chosenMethods(engine, options, replyGiven)
  await using other =
    options.compare === undefined
      ? undefined
      : await startEngine({ ...options, script: options.compare }, options)
  const comparison = other && new Comparison(other, options.extra)
  return await run(engine, captures, options, methods, { comparison, expectation })
}

/** @returns the exit code */
async function run(
  engine: Engine,
  captures: string[],
  options: ReplayRunOptions,
  methods: ReplayMethods,
  comparisons: Comparisons,
): Promise<number> {
  const { comparison, expectation } = comparisons
  const stats = createCaptureStats()
  const passedOver = { filter: 0, retransmission: 0 }
  let endedEarly = false
  let failure: { error: unknown } | undefined
  const interrupt = new AbortController()
  const interrupted = () => interrupt.abort()
  process.once('SIGINT', interrupted)
  const collector = new SummaryCollector()
  const notes = (): readonly string[] => [
    ...leftOut(summary()),
    ...(failure === undefined ? [] : [`everything after this error: ${failure.error}`]),
  ]
  const outputs: Outputs = new Outputs(
    options,
    { script: options.script, captures, notes },
    collector,
    [expectation, comparison].filter((consumer) => consumer !== undefined),
  )
  // At the capture's own speed, bytes are read long before their messages are due, so they are no measure of progress.
  const progress = showProgress(options.speed === undefined ? await totalBytes(captures) : 0)
  const start = performance.now()
  const summary = (): ReplaySummary =>
    collector.summary(
      {
        captures,
        script: options.script,
        seconds: (performance.now() - start) / 1_000,
        endedEarly,
        passedOver,
        notWritten: outputs.notWritten,
        differences: differencesOf(comparisons)?.messages ?? null,
        children: engine.stats().children,
      },
      stats,
    )
  try {
    const messages = replay(engine, stats, {
      captures,
      ...methods,
      extraArgs: options.extra,
      filter: options.filter,
      retransmissions: options.dedupe && new Retransmissions(),
      speed: options.speed,
      keepFrames: options.out !== undefined,
      limit: options.limit ?? Number.POSITIVE_INFINITY,
      signal: interrupt.signal,
      onEndedEarly: () => {
        endedEarly = true
      },
      onPassedOver: (why, count) => {
        passedOver[why] += count
      },
      onBytes: (bytes) => progress.update(bytes, collector.messages),
    })
    for await (const slice of messages) {
      await outputs.open()
      const read = await outputs.write(slice)
      progress.update(stats.bytes, collector.messages)
      if (!read) {
        endedEarly = true
        break
      }
    }
    await expectation?.finish(!endedEarly)
    if (!interrupt.signal.aborted) await outputs.open()
  } catch (error) {
    failure = { error }
  }
  const unclosed = await outputs.close()
  failure ??= unclosed
  progress.stop()
  process.off('SIGINT', interrupted)
  // If a capture cannot be used, the results of the captures before it are still shown.
  if (failure !== undefined && collector.messages === 0) throw failure.error
  printResults(summary(), collector, options, comparisons)
  if (outputs.reported) tell(`report: ${options.report}`)
  if (failure !== undefined) throw failure.error
  const exitCode = exitCodeOf(interrupt.signal.aborted, collector, options, comparisons)
  if (exitCode === EXIT.EMPTY) tell('there was no message to replay; --allow-empty accepts this')
  return exitCode
}

/** Files that cannot be read count as 0 bytes here. They are reported when they are opened. */
async function totalBytes(captures: readonly string[]): Promise<number> {
  const sizes = await Promise.all(
    captures.map((path) =>
      stat(path).then(
        ({ size }) => size,
        () => 0,
      ),
    ),
  )
  return sizes.reduce((sum, size) => sum + size, 0)
}
