import { createEngine } from '@siplet/engine'
import {
  createProxy,
  engineFor,
  type ProxyConfig,
  readProxyConfig,
  type SIPProxy,
  trySockets,
} from '@siplet/proxy'
import { Command, Option } from 'commander'
import { EXIT } from '../errors.ts'
import { withManual } from '../manual.ts'
import { logLevelOption } from '../options.ts'
import { scriptLogger } from '../output/script-logger.ts'
import { say, tell } from '../output/talk.ts'

interface ServeOptions {
  check?: boolean
  onScriptError?: ProxyConfig['onScriptError']
  logLevel?: ProxyConfig['logLevel']
}

export function serveCommand(finish: (exitCode: number) => void): Command {
  return withManual(new Command('serve'), {
    details: [
      'The configuration names the script, the sockets, the limits and the timers; [the proxy](proxy.md) lists them. Runs in the foreground and logs to standard error, as service managers expect.',
      '`--check` opens every socket and closes it again. A port in use is a warning: the proxy that is to be loaded anew may hold it.',
    ],
    examples: ['siplet serve proxy.yaml --check', 'siplet serve proxy.yaml'],
    sections: {
      Signals: [
        ['SIGTERM, SIGINT', 'refuse new requests, finish what is under way, end'],
        ['SIGHUP', 'load the script anew; the old one serves on where the new one fails'],
      ],
    },
  })
    .description('Serve as a SIP proxy (RFC 3261) whose routing logic is a script.')
    .argument('<config>', 'the configuration: YAML or JSON')
    .option(
      '--check',
      'load the configuration and the script, try the sockets, say what is wrong, and serve nothing',
    )
    .addOption(
      new Option('--on-script-error <action>', 'what becomes of a request whose script fails').choices([
        'reject',
        'relay',
      ]),
    )
    .addOption(
      logLevelOption(
        'what the script and the proxy log is shown from this level on, instead of logLevel of the configuration (default: info, which shows LM_INFO)',
      ),
    )
    .action(async (path: string, { check, ...given }: ServeOptions) => {
      const config = { ...(await readProxyConfig(path)), ...given }
      if (check) await checkConfig(path, config)
      else await serve(config)
      finish(EXIT.DONE)
    })
}

async function checkConfig(path: string, config: ProxyConfig): Promise<void> {
  await using engine = await createEngine({
    ...engineFor(config, scriptLogger(config.logLevel)),
    children: 1,
  })
  for (const failure of await trySockets(config)) {
    if ((failure.cause as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw failure
    tell(`warning: ${failure.message}: by this proxy, if it is running already`)
  }
  const sockets = config.listen.map(({ text }) => text).join(', ')
  say(`${path}: good; ${sockets}; ${config.script.file} has the methods ${engine.methods.join(', ')}`)
}

async function serve(config: ProxyConfig): Promise<void> {
  const logger = scriptLogger(config.logLevel, { timestamps: true })
  const proxy = await createProxy(config, { logger })
  for (const { transport, ip, port } of proxy.listening) tell(`listening on ${transport}:${ip} port ${port}`)
  if (proxy.http !== undefined) tell(`metrics and health on http://${proxy.http}`)
  process.on('SIGHUP', () => reload(proxy))
  await new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, resolve)
  })
  tell(`ending: ${proxy.health().unfinished} requests under way`)
  await proxy.close()
}

function reload(proxy: SIPProxy): void {
  proxy.reload().then(
    () => tell('the script was loaded anew'),
    (error: Error) => tell(`the old script serves on: ${error.message}`),
  )
}
