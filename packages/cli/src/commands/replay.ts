import { scriptSources } from '@siplet/engine'
import type { Command } from 'commander'
import { findCaptures, STDIN } from '../capture/index.ts'
import { CLIError, EXIT } from '../errors.ts'
import { withManual } from '../manual.ts'
import { integer, scriptCommand, speed, withPool } from '../options.ts'
import { MessageFilter } from '../replay/message-filter.ts'
import { type ReplayRunOptions, runReplay } from '../replay/run.ts'
import { withFunctions } from '../script-functions.ts'
import { runWatching } from '../watch.ts'

interface ReplayCommandOptions extends ReplayRunOptions {
  watch?: true
}

export function replayCommand(finish: (exitCode: number) => void): Command {
  return withManual(withFunctions(withPool(scriptCommand('replay'))), {
    details: [
      'Finds SIP by its content in the captures, merged by time: over UDP, TCP and WebSocket, in tunnels, fragments and HEP ([captures](captures.md)). Calls the method for requests or for replies with each message, in the order of the capture; messages of one Call-ID go to one child. Whatever the script does, every message gets a decision or an error.',
      'The summary goes to standard output: decisions by method, the requests that were rewritten, rerouted or refused, errors by line of the script, times, and what was left out. With `--ndjson -` standard output has the NDJSON, and the summary moves to standard error. Filters, speeds, comparisons and what `--out` writes are explained in [replaying](replay.md), the HTML file of `--report` in [reports](report.md).',
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
      for (const option of ['out', 'report'] as const) {
        if (options[option] !== '-') continue
        throw new CLIError('ERR_SIPLET_USAGE', `--${option} writes a file, and - is none: give it a name`)
      }
      if (options.failOnDifference && options.compare === undefined) {
        throw new CLIError(
          'ERR_SIPLET_USAGE',
          '--fail-on-difference needs --compare: name the script to compare with; --expect fails on differences by itself',
        )
      }
      const replyGiven = command.getOptionValueSource('replyMethod') === 'cli'
      const run = () => runReplay(paths, options, replyGiven)
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
      const { script, scriptRoot, compare = script, functions, out, ndjson, report } = options
      const files = async () => [
        ...new Set(
          (await Promise.all([script, compare].map((path) => scriptSources(path, scriptRoot)))).flat(),
        ),
        ...(functions === undefined ? [] : [functions]),
        ...(await findCaptures(paths)),
      ]
      const outputs = [out, ndjson, report].filter((path) => path !== undefined)
      finish(await runWatching(files, run, outputs))
    })
}
