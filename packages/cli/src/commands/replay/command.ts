import { scriptSources } from '@siplet/engine'
import type { Command } from 'commander'
import { findCaptures, STDIN } from '../../capture/index.ts'
import { CLIError, EXIT } from '../../errors.ts'
import { withManual } from '../../manual.ts'
import { integer, scriptCommand, speed, withPool } from '../../options.ts'
import { MessageFilter } from '../../replay/message-filter.ts'
import { withFunctions } from '../../script-functions.ts'
import { runWatching } from '../../watch.ts'
import type { ReplayRunOptions } from './options.ts'
import { runReplay } from './run.ts'

interface ReplayCommandOptions extends ReplayRunOptions {
  watch?: true
}

export function replayCommand(finish: (exitCode: number) => void): Command {
  return withManual(withFunctions(withPool(scriptCommand('replay'))), {
    details: [
      'Finds SIP messages by their content, over UDP, TCP and WebSocket, in tunnels, fragments and HEP ([captures](captures.md)). Several captures are merged by time. Calls the method for requests or for replies with each message, in capture order. Messages of one Call-ID are run by one child. Whatever the script does, every message gets a decision or an error.',
      'The summary is written to standard output: decisions by method, requests that were rewritten, rerouted or refused, errors by line of the script, times, and packets that were skipped, by reason. With `--ndjson -`, the NDJSON is written to standard output and the summary to standard error. [Replaying](replay.md) explains filters, speeds, comparisons and the output of `--out`, [reports](report.md) the HTML file of `--report`.',
      'Progress is written to standard error: a bar on a terminal, otherwise a line every five seconds.',
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
      [EXIT.EMPTY]:
        'there was no message to replay: no SIP in the captures, or none that --filter selects; not with --allow-empty',
      [EXIT.INTERRUPTED]: 'ended by Ctrl-C; everything done before is written and summarised',
    },
  })
    .description(
      'Run every SIP message of captures (pcap, pcapng) through a script, and report its decisions.',
    )
    .argument(
      '<captures...>',
      'pcap or pcapng files, plain, .gz or .zst; directories of such files; - is stdin',
    )
    .option('--request-method <name>', 'the method for requests', 'request_route')
    .option('--reply-method <name>', 'the method for replies, if the script has it', 'onreply_route')
    .option('--extra <text>', 'second argument of the methods')
    .option('--limit <n>', 'stop after this many SIP messages', integer(1))
    .option('--speed <speed>', 'max; real, as captured; or a factor such as 2x', speed)
    .option(
      '--filter <expression>',
      'only messages that match, such as method == "INVITE" and srcIp != "192.0.2.1"',
      (expression) => new MessageFilter(expression),
    )
    .option('--dedupe', 'run UDP retransmissions once: same bytes, same addresses, within 32 s')
    .option('--compare <script>', 'run a second script as well, and show where the decisions differ')
    .option('--fail-on-difference', 'with --compare: exit with 1 if decisions differ')
    .option('--expect <file>', 'exit with 1 if decisions differ from those recorded with --ndjson')
    .option('--out <file>', 'write the edited messages to a pcapng file')
    .option('--ndjson <file>', 'write one line of JSON per SIP message; - is stdout')
    .option('--report <file>', 'write a report: one HTML file that needs no network')
    .option('--json', 'print the summary as one JSON object')
    .option('--fail-on-error', 'exit with 1 if the script failed on a message')
    .option('--allow-empty', 'exit with 0 even if there was no message to replay')
    .option('-w, --watch', 'replay again whenever the script, a file it imports, or a capture changes')
    .action(async (paths: string[], options: ReplayCommandOptions, command: Command) => {
      if (options.json && options.ndjson === '-') {
        throw new CLIError(
          'ERR_SIPLET_USAGE',
          '--json and --ndjson - both write to stdout; write the NDJSON to a file',
        )
      }
      for (const option of ['out', 'report'] as const) {
        if (options[option] !== '-') continue
        throw new CLIError(
          'ERR_SIPLET_USAGE',
          `--${option} writes a file and does not accept -; give a file name`,
        )
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
        throw new CLIError('ERR_SIPLET_USAGE', '--watch reads the captures more than once; give files, not -')
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
