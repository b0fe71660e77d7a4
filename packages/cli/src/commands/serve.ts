import { createEngine } from '@siplet/engine'
import { createProxy, engineFor, type ProxyConfig, readProxyConfig, type SIPProxy } from '@siplet/proxy'
import { Command, InvalidArgumentError } from 'commander'
import { EXIT } from '../errors.ts'
import { scriptLogger } from '../output/script-logger.ts'

interface ServeOptions {
  check?: boolean
  onScriptError?: 'reject' | 'relay'
}

const HELP = `
Signals:
  SIGTERM, SIGINT  refuse new requests, finish what is under way, end
  SIGHUP           load the script anew; the old one serves on where the new one fails

Examples:
  siplet serve proxy.yaml --check
  siplet serve proxy.yaml`

export function serveCommand(finish: (exitCode: number) => void): Command {
  return new Command('serve')
    .description('Serve as a SIP proxy (RFC 3261) whose routing logic is a script.')
    .argument('<config>', 'the configuration: YAML or JSON')
    .option('--check', 'load the configuration and the script, say what is wrong, and serve nothing')
    .option(
      '--on-script-error <action>',
      'what becomes of a request whose script fails: reject or relay',
      onScriptError,
    )
    .addHelpText('after', HELP)
    .action(async (path: string, { check, onScriptError }: ServeOptions) => {
      const read = await readProxyConfig(path)
      const config: ProxyConfig = onScriptError === undefined ? read : { ...read, onScriptError }
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
  const sockets = config.listen.map(({ text }) => text).join(', ')
  console.log(`${path}: good; ${sockets}; ${config.script.file} has the methods ${engine.methods.join(', ')}`)
}

async function serve(config: ProxyConfig): Promise<void> {
  const logger = scriptLogger(config.logLevel)
  const proxy = await createProxy(config, { logger })
  for (const { transport, ip, port } of proxy.listening)
    console.error(`listening on ${transport}:${ip} port ${port}`)
  if (proxy.http !== undefined) console.error(`metrics and health on http://${proxy.http}`)
  process.on('SIGHUP', () => reload(proxy))
  await new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, resolve)
  })
  console.error(`ending: ${proxy.health().unfinished} requests under way`)
  await proxy.close()
}

function reload(proxy: SIPProxy): void {
  proxy.reload().then(
    () => console.error('the script was loaded anew'),
    (error: Error) => console.error(`the old script serves on: ${error.message}`),
  )
}

function onScriptError(text: string): 'reject' | 'relay' {
  if (text === 'reject' || text === 'relay') return text
  throw new InvalidArgumentError('It must be reject or relay.')
}
