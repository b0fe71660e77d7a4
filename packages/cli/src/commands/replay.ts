import { stat } from 'node:fs/promises'
import { createEngine, type Engine, scriptSources } from '@siplet/engine'
import type { Command } from 'commander'
import { createCaptureStats, findCaptures, STDIN } from '../capture/index.ts'
import { CLIError, EXIT } from '../errors.ts'
import { withManual } from '../manual.ts'
import {
  engineOptions,
  integer,
  type PoolOptions,
  type ScriptOptions,
  scriptCommand,
  speed,
  withPool,
} from '../options.ts'
import { CaptureWriter } from '../output/capture-writer.ts'
import { NDJSONWriter } from '../output/ndjson.ts'
import { refuseOverwrites } from '../output/overwrites.ts'
import { showProgress } from '../output/progress.ts'
import { leftOut, SummaryCollector } from '../output/summary.ts'
import { Comparison } from '../replay/comparison.ts'
import type { ReplayConsumer } from '../replay/consumer.ts'
import { Expectation } from '../replay/expectation.ts'
import { MessageFilter } from '../replay/message-filter.ts'
import { replay } from '../replay/replay.ts'
import { Retransmissions } from '../replay/retransmissions.ts'
import { ReportWriter } from '../report/report-writer.ts'
import { runWatching } from '../watch.ts'

interface ReplayCommandOptions extends ScriptOptions, PoolOptions {
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
  watch?: true
}

export function replayCommand(finish: (exitCode: number) => void): Command {
  return withManual(withPool(scriptCommand('replay')), {
    details: [
      'Finds SIP by its content in the captures, merged by time: over UDP, TCP and WebSocket, in tunnels, fragments and HEP ([captures](captures.md)). Calls the method for requests or for replies with each message, in the order of the capture; messages of one Call-ID go to one child. Whatever the script does, every message gets a decision or an error.',
      'The summary goes to standard output: decisions by method, the requests that were rewritten or refused, errors by line of the script, times, and what was left out. With `--ndjson -` standard output has the NDJSON, and the summary moves to standard error. Filters, speeds, comparisons and what `--out` writes are explained in [replaying](replay.md), the HTML file of `--report` in [reports](report.md).',
      'Progress goes to standard error: a bar on a terminal, a line every five seconds elsewhere.',
    ],
    examples: [
      'siplet replay calls.pcapng --script handler.ts',
      'siplet replay monday.pcap tuesday.pcap --script handler.ts --children 2 --ndjson decisions.ndjson',
      'siplet replay calls.pcapng --script handler.ts --report report.html',
      'siplet replay calls.pcapng --script handler.ts --watch',
      'siplet replay captures/ --script handler.ts --json',
      'tcpdump -U -w - port 5060 | siplet replay - --script handler.ts --ndjson decisions.ndjson',
      `siplet replay calls.pcapng --script handler.ts --filter 'method == "INVITE" and code < 0'`,
      'siplet replay calls.pcapng --script new.ts --compare old.ts --fail-on-difference',
      'siplet replay calls.pcapng --script handler.ts --expect decisions.ndjson',
      'siplet replay calls.pcapng --script handler.ts --out rewritten.pcapng --speed real',
      "siplet replay calls.pcapng --script handler.ts --ndjson - | jq 'select(.error)'",
    ],
    exitStatus: {
      [EXIT.SCRIPT_ERROR]:
        'the script failed on a message, with --fail-on-error; decisions differ, with --expect or --fail-on-difference',
      [EXIT.INTERRUPTED]: 'ended by Ctrl-C: what was done until then is written, and summed up',
    },
  })
    .description(
      'Run every SIP message of captures (pcap, pcapng) through a script, and tell what it decided.',
    )
    .argument('<captures...>', 'pcap or pcapng files, plain, .gz or .zst; directories of such; - is stdin')
    .option('--request-method <name>', 'the method called for requests', 'request_route')
    .option('--reply-method <name>', 'the method called for replies, if the script has it', 'onreply_route')
    .option('--extra <text>', 'a second argument for the methods')
    .option('--limit <n>', 'end after this many SIP messages', integer(1))
    .option('--speed <speed>', 'max; real, as captured; or a factor such as 2x', speed)
    .option(
      '--filter <expression>',
      'only messages that match, such as method == "INVITE" and srcIp != "192.0.2.1"',
      (expression) => new MessageFilter(expression),
    )
    .option('--dedupe', 'run UDP retransmissions once: same bytes, same addresses, within 32 s')
    .option('--compare <script>', 'run a second script beside the first, and show where decisions differ')
    .option('--fail-on-difference', 'with --compare: exit with 1 where decisions differ')
    .option('--expect <file>', 'exit with 1 where decisions differ from those recorded with --ndjson')
    .option('--out <file>', 'write the messages as rewritten to a pcapng file')
    .option('--ndjson <file>', 'write one JSON object a line per SIP message; - is stdout')
    .option('--report <file>', 'write a report to look at: one HTML file that needs no network')
    .option('--json', 'print the summary as one JSON object')
    .option('--fail-on-error', 'exit with 1 where the script failed on a message')
    .option('-w, --watch', 'replay again whenever the script, a file it imports, or a capture changes')
    .action(async (paths: string[], options: ReplayCommandOptions, command: Command) => {
      if (options.json && options.ndjson === '-') {
        throw new CLIError(
          'ERR_SIPLET_USAGE',
          '--json and --ndjson - both want stdout; write the NDJSON to a file',
        )
      }
      const replyGiven = command.getOptionValueSource('replyMethod') === 'cli'
      const run = () => replayOnce(paths, options, replyGiven)
      if (!options.watch) {
        finish(await run())
        return
      }
      if (paths.includes(STDIN)) {
        throw new CLIError(
          'ERR_SIPLET_USAGE',
          '--watch reads the captures again and again: give it files, not -',
        )
      }
      const { script, compare = script, out, ndjson, report } = options
      const files = async () => [
        ...new Set((await Promise.all([script, compare].map(scriptSources))).flat()),
        ...(await findCaptures(paths)),
      ]
      const outputs = [out, ndjson, report].filter((path) => path !== undefined)
      finish(await runWatching(files, run, outputs))
    })
}

/** @returns the exit code */
async function replayOnce(
  paths: readonly string[],
  options: ReplayCommandOptions,
  replyGiven: boolean,
): Promise<number> {
  const captures = await findCaptures(paths)
  await protectInputs(captures, options)
  await using engine = await createEngine(engineOptions(options, options))
  const methods = chosenMethods(engine, options, replyGiven)
  await using other =
    options.compare === undefined
      ? undefined
      : await createEngine(engineOptions({ ...options, script: options.compare }, options))
  return await run(engine, captures, options, methods, other && new Comparison(other, options.extra))
}

function chosenMethods(
  engine: Engine,
  { requestMethod, replyMethod, script }: ReplayCommandOptions,
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

/** @throws CLIError ERR_SIPLET_OVERWRITE */
async function protectInputs(
  captures: readonly string[],
  { out, ndjson, report, script, compare, expect }: ReplayCommandOptions,
): Promise<void> {
  if (out === undefined && ndjson === undefined && report === undefined) return
  const scripts = [script, compare].filter((path) => path !== undefined)
  const sources = await Promise.all(scripts.map(scriptSources))
  const inputs = [...captures, ...sources.flat(), ...(expect === undefined ? [] : [expect])]
  await refuseOverwrites({ '--out': out, '--ndjson': ndjson, '--report': report }, inputs)
}

/** @returns the exit code */
async function run(
  engine: Engine,
  captures: string[],
  options: ReplayCommandOptions,
  methods: { requestMethod: string; replyMethod: string | null },
  comparison: Comparison | undefined,
): Promise<number> {
  const stats = createCaptureStats()
  const passedOver = { filter: 0, retransmission: 0 }
  let endedEarly = false
  let failure: { error: unknown } | undefined
  const collector = new SummaryCollector()
  const interrupt = new AbortController()
  const interrupted = () => interrupt.abort()
  process.once('SIGINT', interrupted)
  const expectation = options.expect === undefined ? undefined : new Expectation(options.expect)
  const writer = options.out === undefined ? undefined : new CaptureWriter(options.out)
  const ndjson = options.ndjson === undefined ? undefined : new NDJSONWriter(options.ndjson)
  const notes = () => [
    ...leftOut(summary()),
    ...(failure === undefined ? [] : [`what came after this: ${failure.error}`]),
  ]
  const report =
    options.report === undefined
      ? undefined
      : await ReportWriter.open(options.report, { script: options.script, captures, notes })
  // The report comes last: when it is closed, it tells how the others ended.
  const consumers: ReplayConsumer[] = [collector, ndjson, writer, expectation, comparison, report].filter(
    (consumer) => consumer !== undefined,
  )
  // At the speed of the capture, bytes are read long before their messages are due.
  const progress = showProgress(options.speed === undefined ? await totalBytes(captures) : 0)
  const start = performance.now()
  const summary = () =>
    collector.summary(
      {
        captures,
        script: options.script,
        seconds: (performance.now() - start) / 1_000,
        endedEarly,
        passedOver,
        notWritten: writer?.tooLong ?? 0,
        differences: (comparison ?? expectation)?.differences.messages ?? null,
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
      keepFrames: writer !== undefined,
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
      let read = true
      for (const consumer of consumers) if ((await consumer.write(slice)) === false) read = false
      progress.update(stats.bytes, collector.messages)
      if (!read) {
        endedEarly = true
        break
      }
    }
    await expectation?.finish(!endedEarly)
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
  // A capture that cannot be used does not take away what the ones before it came to.
  if (failure !== undefined && collector.messages === 0) throw failure.error
  const talk = options.ndjson === '-' ? process.stderr : process.stdout
  if (options.json) process.stdout.write(`${JSON.stringify(summary())}\n`)
  else talk.write(collector.text(summary(), talk))
  const differing = options.json ? process.stderr : talk
  if (comparison)
    differing.write(`\n${comparison.differences.text(options.script, options.compare!, differing)}`)
  if (expectation)
    differing.write(`\n${expectation.differences.text(options.expect!, options.script, differing)}`)
  if (failure !== undefined) throw failure.error
  if (interrupt.signal.aborted) return EXIT.INTERRUPTED
  if (collector.errors > 0 && options.failOnError) return EXIT.SCRIPT_ERROR
  const fails =
    (expectation?.differences.messages ?? 0) > 0 ||
    (options.failOnDifference && (comparison?.differences.messages ?? 0) > 0)
  return fails ? EXIT.DIFFERENCE : EXIT.DONE
}

/** Files that cannot be read are reported when their turn comes. */
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
