import { type EngineOptions, type ExecResult, printable, scriptSources } from '@siplet/engine'
import { SIPMessage } from '@siplet/sipmsg'
import { type Command, Option } from 'commander'
import { CLIError, EXIT } from '../errors.ts'
import { withManual } from '../manual.ts'
import { messageBytes } from '../message-file.ts'
import {
  address,
  inspectAddress,
  isolationOption,
  type PoolOptions,
  type ScriptOptions,
  scriptCommand,
} from '../options.ts'
import { messageDiff } from '../output/message-diff.ts'
import { tell } from '../output/talk.ts'
import { type FunctionCalls, type FunctionOptions, startEngine, withFunctions } from '../script-functions.ts'
import { runWatching } from '../watch.ts'

interface ExecCommandOptions extends ScriptOptions, FunctionOptions {
  isolation: PoolOptions['isolation']
  method?: string
  extra?: string
  src?: readonly [string, number]
  dst?: readonly [string, number]
  diff?: boolean
  watch?: true
  inspect?: readonly [host: string, port: number]
}

export function execCommand(finish: (exitCode: number) => void): Command {
  return withManual(withFunctions(scriptCommand('exec')), {
    details: [
      'The edited message is written to standard output byte for byte, or as a diff if that is a terminal. The result, the next hop and the time are written to standard error.',
      'The script may call the functions of `siplet serve` ([the proxy](proxy.md)). They check, edit and return as they do there, and send nothing. Calls are shown before the result.',
    ],
    examples: [
      'siplet exec invite.sip --script handler.ts',
      'siplet exec invite.sip --script handler.ts --watch',
      'siplet exec invite.sip --script handler.ts --inspect',
      'siplet exec - --script handler.ts --src 192.0.2.10:5060 < invite.sip > edited.sip',
    ],
    exitStatus: { [EXIT.SCRIPT_ERROR]: 'the script failed on the message' },
  })
    .description(
      'Run one SIP message through a script. The edited message is written to stdout (on a terminal: a diff), the result to stderr.',
    )
    .argument('<message>', 'a file with one SIP message; - is stdin')
    .option('--method <name>', 'the method to call (default: request_route, for replies onreply_route)')
    .option('--extra <text>', 'second argument of the method')
    .addOption(isolationOption('where the isolate runs', 'inline'))
    .option('--src <ip:port>', 'source address of the message', address)
    .option('--dst <ip:port>', 'where it came in', address)
    .option('--diff', 'show what changed, also where stdout is no terminal')
    .option('--no-diff', 'print the edited message as it is, also on a terminal')
    .option('-w, --watch', 'run again whenever the message, the script, or a file it imports changes')
    .addOption(
      new Option(
        '--inspect [host:port]',
        'wait for a debugger (Chrome DevTools, VS Code, node inspect) and break at the first line of the script; no time limits (default: 127.0.0.1:9229)',
      )
        .argParser(inspectAddress)
        .conflicts('watch'),
    )
    .action(async (path: string, options: ExecCommandOptions) => {
      if (!options.watch) {
        finish(await exec(path, options))
        return
      }
      if (path === '-') {
        throw new CLIError('ERR_SIPLET_USAGE', '--watch reads the message more than once; give a file, not -')
      }
      const own = options.functions === undefined ? [] : [options.functions]
      const files = async () => [path, ...own, ...(await scriptSources(options.script, options.scriptRoot))]
      finish(await runWatching(files, () => exec(path, options)))
    })
}

async function exec(path: string, options: ExecCommandOptions): Promise<number> {
  const bytes = await messageBytes(path)
  const method = options.method ?? (new SIPMessage(bytes).isRequest ? 'request_route' : 'onreply_route')
  const pool = { children: 1, isolation: options.isolation }
  await using engine = await startEngine(options, pool, inspection(options))
  const calls: FunctionCalls = []
  const result = await engine.exec(method, bytes, {
    context: calls,
    ...(options.src && { src: options.src }),
    ...(options.dst && { dst: options.dst }),
    ...(options.extra !== undefined && { extraArgs: options.extra }),
  })
  const edited = result.message.toBuffer()
  const asDiff = options.diff ?? process.stdout.isTTY
  process.stdout.write(asDiff ? messageDiff(bytes, edited, process.stdout) : edited)
  for (const call of calls) tell(printable(call))
  tell(verdict(method, result))
  return result.error === null ? EXIT.DONE : EXIT.SCRIPT_ERROR
}

function inspection({ inspect }: ExecCommandOptions): Pick<EngineOptions, 'inspect'> {
  if (inspect === undefined) return {}
  const [host, port] = inspect
  const onListening = (url: string) => {
    tell(`Debugger listening on ${url}`)
    tell(`Open chrome://inspect, attach an editor, or run: node inspect ${url.split('/')[2]}`)
  }
  return { inspect: { host, port, onListening } }
}

function verdict(method: string, { code, error, verdict, dstUri, edited, us }: ExecResult): string {
  if (error !== null) return `${method}: ${error.code}: ${error.message}`
  const route = dstUri === null ? '' : `, next hop ${dstUri}`
  return `${method} returned ${code} (${verdict})${route}, ${edited ? 'edited' : 'not edited'}, ${us.toFixed(0)} µs`
}
