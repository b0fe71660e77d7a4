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
      'The configuration names the script, the sockets, the limits and the timers; see [the proxy](proxy.md). The proxy runs in the foreground and logs to standard error, as service managers expect.',
      '`--check` opens every socket and closes it again. A port in use causes only a warning, because the running proxy may use it.',
    ],
    examples: ['siplet serve proxy.yaml --check', 'siplet serve proxy.yaml'],
    sections: {
      Signals: [
        [
          'SIGTERM, SIGINT',
          'refuse new requests, wait for requests in progress, exit; a second signal exits at once',
        ],
        ['SIGHUP', 'load the script again; if the new one fails, the old one stays in use'],
      ],
    },
  })
    .description('Run a SIP proxy (RFC 3261) whose routing logic is a script.')
    .argument('<config>', 'the configuration: YAML or JSON')
    .option('--check', 'load the configuration and the script, try the sockets, report errors, and exit')
    .addOption(
      new Option('--on-script-error <action>', 'what to do with a request if its script fails').choices([
        'reject',
        'relay',
      ]),
    )
    .addOption(
      logLevelOption(
        'lowest level of log lines that are shown, instead of logLevel of the configuration (default: info, which shows LM_INFO)',
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
    tell(`warning: ${failure.message}: this is expected if this proxy is already running`)
  }
  const sockets = config.listen.map(({ text }) => text).join(', ')
  say(`${path}: ok; ${sockets}; ${config.script.file} has the methods ${engine.methods.join(', ')}`)
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
  tell(`stopping: ${proxy.health().unfinished} requests in progress`)
  await proxy.close()
}

function reload(proxy: SIPProxy): void {
  proxy.reload().then(
    () => tell('the script was reloaded'),
    (error: Error) => tell(`the old script stays in use: ${error.message}`),
  )
}
