/** Options that several commands share. */
import type { EngineOptions, Logger } from '@siplet/engine'
import { Command, InvalidArgumentError, Option } from 'commander'
import { scriptLogger } from './output/script-logger.ts'

export interface ScriptOptions {
  script: string
  scriptRoot?: string
  modInit: string
  childInit: string
  timeoutMs: number
  memoryMb?: number
  logLevel: string
}

export interface PoolOptions {
  children: number
  isolation: 'inline' | 'thread' | 'process'
}

/** The default of `siplet serve`. On a busy machine, a thread may wait longer for a core than the engine's 50 ms. */
const TIMEOUT_MS = 250

/** Returns the log level option. Scripts that log with LM_INFO log at level `info`. */
export function logLevelOption(whatIsShown: string): Option {
  return new Option('--log-level <level>', whatIsShown).choices([
    'debug',
    'info',
    'warn',
    'error',
    'fatal',
    'silent',
  ])
}

/** Returns a command with the options that say which script runs, and how. */
export function scriptCommand(name: string): Command {
  const command = new Command(name)
  return command
    .configureOutput({ outputError: (text, write) => write(`${text}${missingArguments(command, text)}`) })
    .requiredOption('-s, --script <file>', 'the routing script: .js .mjs .cjs .ts .mts .py')
    .option(
      '--script-root <dir>',
      'the folder from which the script may import files (default: the folder of the script)',
    )
    .option('--mod-init <name>', 'the init function of the script', 'mod_init')
    .option('--child-init <name>', 'the child-init method of the object it returns', 'child_init')
    .option(
      '--timeout-ms <n>',
      'longest run of one method call, in milliseconds of wall time',
      integer(1),
      TIMEOUT_MS,
    )
    .option('--memory-mb <n>', 'heap limit of each isolate, in MiB (default: 64)', integer(8))
    .addOption(
      logLevelOption('lowest level of script log lines that are shown; LM_INFO logs at level info').default(
        'warn',
      ),
    )
}

/**
 * Returns the names of missing arguments. Commander stops at a missing option and would report a missing argument only
 * in the next run.
 */
function missingArguments({ registeredArguments, args }: Command, text: string): string {
  if (!text.startsWith('error: required option')) return ''
  return registeredArguments
    .filter(({ required }, at) => required && args[at] === undefined)
    .map((argument) => `error: missing required argument '${argument.name()}'\n`)
    .join('')
}

export function withPool(command: Command): Command {
  return command
    .option(
      '--children <n>',
      'number of children; each has its own isolate and a rank, counted from 1',
      integer(1),
      1,
    )
    .addOption(isolationOption('where the isolates run', 'thread'))
}

export function isolationOption(what: string, byDefault: PoolOptions['isolation']): Option {
  return new Option('--isolation <where>', what).choices(['inline', 'thread', 'process']).default(byDefault)
}

/** Returns the options of createEngine for these command-line options. */
export function engineOptions(
  options: ScriptOptions,
  pool: PoolOptions = { children: 1, isolation: 'inline' },
): EngineOptions & { logger: Logger } {
  return {
    scriptName: options.script,
    ...(options.scriptRoot !== undefined && { scriptRoot: options.scriptRoot }),
    modInitFunction: options.modInit,
    childInitMethod: options.childInit,
    children: pool.children,
    isolation: pool.isolation,
    limits: {
      timeoutMs: options.timeoutMs,
      ...(options.memoryMb !== undefined && { memoryMb: options.memoryMb }),
    },
    logger: scriptLogger(options.logLevel),
  }
}

/** Returns a parser for an option's value: an integer of at least `minimum`. */
export function integer(minimum: number): (text: string) => number {
  return (text) => {
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN
    if (Number.isSafeInteger(value) && value >= minimum) return value
    throw new InvalidArgumentError(`It must be an integer of at least ${minimum}.`)
  }
}

/** Parses a speed: `max` is undefined, `real` is 1, `2x` is 2. */
export function speed(text: string): number | undefined {
  if (text === 'max') return undefined
  const factor = text === 'real' ? 1 : /^\d+(\.\d+)?x$/.test(text) ? Number.parseFloat(text) : 0
  if (factor > 0) return factor
  throw new InvalidArgumentError('It must be max, real, or a factor such as 2x or 0.5x.')
}

/** Parses a duration, which may have decimals. */
export function seconds(text: string): number {
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : 0
  if (value > 0) return value
  throw new InvalidArgumentError('It must be a number of seconds above 0, such as 0.5.')
}

/** Parses `ip:port`, with an IPv6 address in brackets. */
export function address(text: string): readonly [string, number] {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text)
  const port = Number(match?.[3])
  if (match === null || port > 65_535) {
    throw new InvalidArgumentError('It must be ip:port, such as 192.0.2.1:5060 or [2001:db8::1]:5060.')
  }
  return [match[1] ?? match[2]!, port]
}

/** Parses `[host:]port`. An empty text means the address of Node's own inspector. */
export function inspectAddress(text: string): readonly [string, number] {
  const match = /^(?:(?:\[([0-9a-fA-F:.]+)\]|([^:[\]/]+)):)?(\d{1,5})$/.exec(text || '9229')
  const port = Number(match?.[3])
  if (match === null || port > 65_535) {
    throw new InvalidArgumentError('It must be a port or host:port, such as --inspect=9230.')
  }
  return [match[1] ?? match[2] ?? '127.0.0.1', port]
}
