import { z } from 'zod'
import { SipletError } from './errors.ts'
import type { EmbedderFunction } from './functions/function-message.ts'
import { shown, thrownText } from './shown.ts'

/** pino's methods, as far as the engine calls them. Any logger of that shape will do. */
export interface Logger {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
  fatal(fields: object, message: string): void
}

const identifier = z
  .string()
  .regex(/^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u, 'must be the name of a function, such as mod_init')

const functionTable = z.record(
  z.string(),
  z.custom<EmbedderFunction>((value) => typeof value === 'function', 'must be a function'),
)

const loggerShape = z.custom<Logger>(
  (value) =>
    typeof value === 'object' &&
    value !== null &&
    ['debug', 'info', 'warn', 'error', 'fatal'].every(
      (name) => typeof Reflect.get(value, name) === 'function',
    ),
  'must have the methods debug, info, warn, error and fatal, as a pino logger has',
)

/** isolated-vm is given a batch as arguments of about 1 KiB. V8 takes 32,800 of them, 62,500 are too many for its stack. */
const MAX_MESSAGE_BYTES = 33_554_432

const limits = z.strictObject({
  /** Heap limit of one isolate, in MiB. isolated-vm asks for 8 at least. */
  memoryMb: z.number().int().min(8).max(65_536).default(64),
  /** Longest run of one method call: milliseconds. */
  timeoutMs: z.number().int().min(1).max(600_000).default(50),
  /** Longest start of a child: the script's top level, mod_init and child_init together: milliseconds. */
  initTimeoutMs: z.number().int().min(1).max(600_000).default(5_000),
  /** Longest wait of a script for one function of the embedder: milliseconds. */
  callFunctionTimeoutMs: z.number().int().min(1).max(600_000).default(1_000),
  /** Execs that may wait, over all children, before ERR_SIPLET_OVERLOAD. */
  maxQueue: z.number().int().min(1).default(10_000),
  /**
   * Messages and extraArgs of execs that may wait, over all children, before ERR_SIPLET_OVERLOAD: bytes. One exec may
   * always wait.
   */
  maxQueueBytes: z.number().int().min(1_024).default(268_435_456),
  /** Messages in one batch, at most. */
  maxBatch: z.number().int().min(1).max(65_535).default(128),
  /** Calls of call_function in one exec. */
  maxFunctionCalls: z.number().int().min(0).default(100),
  /** Log lines of scripts that go to the logger, a second; more are dropped and counted. */
  maxLogLines: z.number().int().min(0).default(1_000),
  /** Heap limit of the pool process of isolation `process`, isolates aside: MiB. */
  processHeapMb: z.number().int().min(32).max(65_536).default(256),
  /**
   * Resident memory of the pool process of isolation `process`; beyond it the process is ended and started again: MiB.
   * By default 256 and for each child 64 and twice memoryMb.
   */
  processMemoryMb: z.number().int().min(64).optional(),
  /**
   * A message and its extraArgs, together: bytes. A longer one is refused before anything of it is copied. It must fit
   * the isolate's memory, too: memoryMb is to be at least four times as much.
   */
  maxMessageBytes: z.number().int().min(1_024).max(MAX_MESSAGE_BYTES).default(16_777_216),
  /** Edits, dst URI, log lines and error of one exec, together: bytes. */
  maxResultBytes: z.number().int().min(4_096).max(67_108_864).default(262_144),
})

/** How the pool process of isolation `process` is started. */
const poolProcess = z.strictObject({
  /**
   * A command that is put in front, such as `['/usr/bin/setpriv', '--no-new-privs']`. It must pass on file descriptors 2
   * and 3, and should become the process (exec) rather than start another: memory of another is not looked at from
   * outside.
   */
  wrapper: z.array(z.string().min(1)).default([]),
  /** Node's --permission: no files but those that the process consists of, no programs, no connections. */
  permissions: z.boolean().default(true),
})

const inspect = z.strictObject({
  /** Whoever can connect can run code in the isolate. */
  host: z.string().min(1).default('127.0.0.1'),
  /** 0 takes any that is free. */
  port: z.number().int().min(0).max(65_535).default(9_229),
  /** Told the URL for debuggers as soon as one can connect. */
  onListening: z
    .custom<(webSocketUrl: string) => void>((value) => typeof value === 'function', 'must be a function')
    .optional(),
})

const options = z.strictObject({
  /** Path of the script: .js .mjs .cjs .ts .mts .py */
  scriptName: z.string().min(1, 'must be the path of a script'),
  /**
   * Folder below which the script may import files; by default the folder that the script is in. Packages are found in
   * node_modules below it, and above it up to the nearest package.json.
   */
  scriptRoot: z.string().min(1, 'must be the path of a folder').optional(),
  /** The script's init function: called once per child, returns the handler object. */
  modInitFunction: identifier.default('mod_init'),
  /** Method of the handler object called once per child, with its rank. */
  childInitMethod: identifier.default('child_init'),
  /** Number of children; their ranks are 1..children. */
  children: z.number().int().min(1).max(1_024).default(1),
  /** Where the isolates live: in the calling thread, in a worker thread each, or in threads of a process of their own. */
  isolation: z.enum(['inline', 'thread', 'process']).default('thread'),
  /** 'call-id': messages of one Call-ID go to one child, in order. 'none': to the child with the shortest queue. */
  affinity: z.enum(['call-id', 'none']).default('call-id'),
  limits: limits.prefault({}),
  process: poolProcess.prefault({}),
  /** What a script's call_function may call, by name. */
  functions: functionTable.default({}),
  /** pino-compatible; by default a pino logger that writes warnings and worse to stderr. */
  logger: loggerShape.optional(),
  /**
   * Lets a debugger attach to child 1. createEngine waits for it, and the script breaks at its first line. timeoutMs,
   * initTimeoutMs and memoryMb do not hold for that child.
   */
  inspect: inspect.optional(),
})

const schema = options.refine((config) => config.inspect === undefined || config.isolation === 'inline', {
  path: ['inspect'],
  error: "needs isolation: 'inline'",
})

/** What createEngine takes. Times are milliseconds, `memoryMb` MiB. */
export type EngineOptions = z.input<typeof schema>
/** The options with every default filled in. */
export type EngineConfig = z.output<typeof schema>
export type Limits = EngineConfig['limits']
export type InspectOptions = NonNullable<EngineConfig['inspect']>

/** The modparams of the OpenSIPS module, and what is named like one, and the option each one is here. */
const OPENSIPS_NAMES: Record<string, string> = {
  script_name: 'scriptName',
  script_root: 'scriptRoot',
  mod_init_function: 'modInitFunction',
  child_init_method: 'childInitMethod',
}

/** Options that are objects of options. zod would take a Map or a Date for an object without any. */
const GROUPS: readonly string[] = ['limits', 'process', 'inspect']

/**
 * Fills in the defaults and accepts the OpenSIPS modparam names as aliases.
 *
 * @throws SipletError ERR_SIPLET_CONFIG that names each option, what was given and what is accepted.
 */
export function parseConfig(options: unknown): EngineConfig {
  try {
    return parse(options)
  } catch (error) {
    if (error instanceof SipletError) throw error
    // A getter or a Proxy of the embedder can throw anything.
    throw new SipletError(
      'ERR_SIPLET_CONFIG',
      `bad engine options: they cannot be read: ${thrownText(error)}`,
    )
  }
}

function parse(options: unknown): EngineConfig {
  const result = schema.safeParse(renameAliases(options))
  if (result.success) return result.data
  const lines = result.error.issues.map((issue) => {
    const path = issue.path.join('.')
    if (issue.code === 'unrecognized_keys')
      return `${path ? `${path}: ` : ''}${issue.keys.join(', ')}: no such option`
    return `${path || 'options'}: ${issue.message}${given(options, issue.path)}`
  })
  throw new SipletError('ERR_SIPLET_CONFIG', `bad engine options: ${lines.join('; ')}`)
}

function renameAliases(options: unknown): unknown {
  if (typeof options !== 'object' || options === null) return options
  const renamed = new Map<string, unknown>()
  for (const [key, value] of Object.entries(options)) {
    const name = Object.hasOwn(OPENSIPS_NAMES, key) ? OPENSIPS_NAMES[key]! : key
    if (GROUPS.includes(name) && value !== undefined && !z.core.util.isPlainObject(value)) {
      throw new SipletError(
        'ERR_SIPLET_CONFIG',
        `bad engine options: ${name}: must be a plain object of options, not ${kindOf(value)}`,
      )
    }
    if (renamed.has(name)) {
      throw new SipletError('ERR_SIPLET_CONFIG', `bad engine options: ${name} is given twice, also as ${key}`)
    }
    renamed.set(name, value)
  }
  // Unlike an assignment, this makes a key `__proto__` an option like any other, which then is refused.
  return Object.fromEntries(renamed)
}

/** The value itself if it is short, otherwise the name of its type. */
function kindOf(value: unknown): string {
  return typeof value === 'object' && value !== null ? Object.prototype.toString.call(value) : shown(value)
}

function given(options: unknown, path: PropertyKey[]): string {
  let value = options
  for (const key of path) {
    if (typeof value !== 'object' || value === null) return ''
    value = Reflect.get(value, key)
  }
  if (value === undefined || typeof value === 'function' || typeof value === 'object') return ''
  return `, not ${shown(value)}`
}
