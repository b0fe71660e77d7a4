/** One run of `siplet replay`, from captures to outputs. */
import { stat } from 'node:fs/promises'
import { type Engine, printableJSON, scriptSources } from '@siplet/engine'
import { createCaptureStats, findCaptures } from '../capture/index.ts'
import { CLIError, EXIT } from '../errors.ts'
import type { PoolOptions, ScriptOptions } from '../options.ts'
import { CaptureWriter } from '../output/capture-writer.ts'
import { NDJSONWriter } from '../output/ndjson.ts'
import { refuseUnwritable } from '../output/output-file.ts'
import { refuseOverwrites } from '../output/overwrites.ts'
import { showProgress } from '../output/progress.ts'
import { SummaryCollector } from '../output/summary.ts'
import { leftOut, summaryText } from '../output/summary-text.ts'
import { tell } from '../output/talk.ts'
import { ReportWriter } from '../report/report-writer.ts'
import { type FunctionOptions, startEngine } from '../script-functions.ts'
import { Comparison } from './comparison.ts'
import type { ReplayConsumer } from './consumer.ts'
import { Expectation } from './expectation.ts'
import type { MessageFilter } from './message-filter.ts'
import { replay } from './replay.ts'
import { Retransmissions } from './retransmissions.ts'

export interface ReplayRunOptions extends ScriptOptions, PoolOptions, FunctionOptions {
  requestMethod: string
  replyMethod: string
  extra?: string
  limit?: number
  speed?: number
  filter?: MessageFilter
  dedupe?: true
  compare?: string
  failOnDifference?: true
  expect?: string
  out?: string
  ndjson?: string
  report?: string
  json?: true
  failOnError?: true
}

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
  return await run(engine, captures, options, methods, comparison, expectation)
}

function chosenMethods(
  engine: Engine,
  { requestMethod, replyMethod, script }: ReplayRunOptions,
  replyGiven: boolean,
): { requestMethod: string; replyMethod: string | null } {
  const has = (name: string) => engine.methods.includes(name)
  const missing = !has(requestMethod)
    ? requestMethod
    : replyGiven && !has(replyMethod)
      ? replyMethod
      : undefined
  if (missing === undefined) return { requestMethod, replyMethod: has(replyMethod) ? replyMethod : null }
  const option = missing === requestMethod ? '--request-method' : '--reply-method'
  throw new CLIError(
    'ERR_SIPLET_METHOD_NOT_FOUND',
    `${script} has no method ${missing}; it has ${engine.methods.join(', ')}: choose one with ${option}`,
  )
}

/** @throws CLIError ERR_SIPLET_OVERWRITE, ERR_SIPLET_OUTPUT */
async function checkOutputs(
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

/** @returns the exit code */
async function run(
  engine: Engine,
  captures: string[],
  options: ReplayRunOptions,
  methods: { requestMethod: string; replyMethod: string | null },
  comparison: Comparison | undefined,
  expectation: Expectation | undefined,
): Promise<number> {
  const stats = createCaptureStats()
  const passedOver = { filter: 0, retransmission: 0 }
  let endedEarly = false
  let failure: { error: unknown } | undefined
  const collector = new SummaryCollector()
  const interrupt = new AbortController()
  const interrupted = () => interrupt.abort()
  process.once('SIGINT', interrupted)
  const outputs: { writer?: CaptureWriter; report?: ReportWriter } = {}
  let consumers: readonly ReplayConsumer[] = []
  const notes = () => [
    ...leftOut(summary()),
    ...(failure === undefined ? [] : [`everything after this error: ${failure.error}`]),
  ]
  /** Opening an output deletes its old content, so it waits until the captures could be read. */
  const openOutputs = async () => {
    if (options.report !== undefined) {
      outputs.report = await ReportWriter.open(options.report, { script: options.script, captures, notes })
    }
    if (options.out !== undefined) outputs.writer = new CaptureWriter(options.out)
    const ndjson = options.ndjson === undefined ? undefined : new NDJSONWriter(options.ndjson)
    const { writer, report } = outputs
    // The report is last: when it is closed, it includes how the other consumers ended.
    consumers = [collector, ndjson, writer, expectation, comparison, report].filter(
      (consumer) => consumer !== undefined,
    )
  }
  // At the capture's own speed, bytes are read long before their messages are due, so they are no measure of progress.
  const progress = showProgress(options.speed === undefined ? await totalBytes(captures) : 0)
  const start = performance.now()
  const compared = () =>
    comparison?.differences ?? (expectation?.failed ? undefined : expectation?.differences)
  const summary = () =>
    collector.summary(
      {
        captures,
        script: options.script,
        seconds: (performance.now() - start) / 1_000,
        endedEarly,
        passedOver,
        notWritten: outputs.writer?.tooLong ?? 0,
        differences: compared()?.messages ?? null,
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
      if (consumers.length === 0) await openOutputs()
      let read = true
      for (const consumer of consumers) if ((await consumer.write(slice)) === false) read = false
      progress.update(stats.bytes, collector.messages)
      if (!read) {
        endedEarly = true
        break
      }
    }
    await expectation?.finish(!endedEarly)
    if (consumers.length === 0 && !interrupt.signal.aborted) await openOutputs()
  } catch (error) {
    failure = { error }
  }
  for (const consumer of consumers) {
    try {
      await consumer.close()
    } catch (error) {
      failure ??= { error }
    }
  }
  progress.stop()
  process.off('SIGINT', interrupted)
  // If a capture cannot be used, the results of the captures before it are still shown.
  if (failure !== undefined && collector.messages === 0) throw failure.error
  const talk = options.ndjson === '-' ? process.stderr : process.stdout
  if (options.json) process.stdout.write(`${printableJSON(summary())}\n`)
  else talk.write(summaryText(summary(), collector.details, talk))
  const differing = options.json ? process.stderr : talk
  if (comparison)
    differing.write(`\n${comparison.differences.text(options.compare!, options.script, differing)}`)
  // If the recording and the messages do not match, "no difference" would be misleading.
  if (expectation && (!expectation.failed || expectation.differences.messages > 0))
    differing.write(`\n${expectation.differences.text(options.expect!, options.script, differing)}`)
  if (outputs.report?.complete) tell(`report: ${options.report}`)
  if (failure !== undefined) throw failure.error
  if (interrupt.signal.aborted) return EXIT.INTERRUPTED
  if (collector.errors > 0 && options.failOnError) return EXIT.SCRIPT_ERROR
  const fails =
    (expectation?.differences.messages ?? 0) > 0 ||
    (options.failOnDifference && (comparison?.differences.messages ?? 0) > 0)
  return fails ? EXIT.DIFFERENCE : EXIT.DONE
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
