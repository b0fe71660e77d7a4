import { availableParallelism } from 'node:os'
import { createEngine, printableJSON } from '@siplet/engine'
import { type Command, Option } from 'commander'
import { children } from '../bench/children.ts'
import { type Figures, figuresText } from '../bench/figures.ts'
import { INVITE } from '../bench/invite.ts'
import { latency } from '../bench/latency.ts'
import type { Subject } from '../bench/subject.ts'
import { throughput } from '../bench/throughput.ts'
import { EXIT } from '../errors.ts'
import { withManual } from '../manual.ts'
import { messageBytes } from '../message-file.ts'
import { engineOptions, integer, type ScriptOptions, scriptCommand, seconds } from '../options.ts'

interface BenchCommandOptions extends ScriptOptions {
  message?: string
  method: string
  children: number
  seconds: number
  json?: true
}

export function benchCommand(finish: (exitCode: number) => void): Command {
  return withManual(scriptCommand('bench'), {
    details: [
      'Calls the method with one message many times: one at a time and many at once, then at 10, 50 and 80 % of the measured capacity. A script that fails on the message is not measured.',
    ],
    examples: [
      'siplet bench --script handler.ts',
      'siplet bench --script handler.ts --message invite.sip --children 4 --json > bench.json',
    ],
  })
    .description('Measure a script on this machine: cost of a call, latency under load, start of children.')
    .option('--message <file>', 'a file with the SIP message to use (default: a plain INVITE)')
    .option('--method <name>', 'the method to call', 'request_route')
    .addOption(
      new Option('--children <n>', 'children of the rows with several')
        .argParser(integer(1))
        .default(availableParallelism(), 'one a core'),
    )
    .option('--seconds <n>', 'duration of each row, in seconds', seconds, 1)
    .option('--json', 'print the figures as JSON')
    .action(async (options: BenchCommandOptions) => {
      const subject: Subject = {
        engine: engineOptions(options),
        method: options.method,
        message: options.message === undefined ? INVITE : await messageBytes(options.message),
      }
      await tryOnce(subject)
      const figures: Figures[] = []
      const show = (found: Figures) => {
        figures.push(found)
        if (!options.json) process.stdout.write(`${figuresText(found)}\n`)
      }
      show(await throughput(subject, options.children, 1_000 * options.seconds))
      show(await latency(subject, 'thread', options.children, options.seconds))
      show(await children(subject))
      if (options.json) process.stdout.write(`${printableJSON(figures)}\n`)
      finish(EXIT.DONE)
    })
}

/** Runs the method once and throws if it fails: a failing script is fast, and its figures would be worthless. */
async function tryOnce({ engine: options, method, message }: Subject): Promise<void> {
  await using engine = await createEngine({ ...options, isolation: 'inline' })
  const { error } = await engine.exec(method, message)
  if (error !== null) throw error
}
