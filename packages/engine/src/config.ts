import { z } from 'zod'
import { SipletError } from './errors.ts'
import type { EmbedderFunction } from './functions/function-message.ts'
import { shown, thrownText } from './shown.ts'

/** The methods of pino that the engine calls. Any logger with these methods works. */
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

/**
 * isolated-vm receives a batch as arguments of about 1 KiB each. V8 accepts 32,800 of them; 62,500 overflow its
 * stack.
 */
const MAX_MESSAGE_BYTES = 33_554_432

const limits = z.strictObject({
  /** Heap limit of one isolate, in MiB. isolated-vm requires at least 8. */
  memoryMb: z.number().int().min(8).max(65_536).default(64),
  /** Maximum run time of one method call, in milliseconds. */
  timeoutMs: z.number().int().min(1).max(600_000).default(50),
  /**
   * Maximum time of one start of a child, in milliseconds: the script's top level, mod_init and child_init together.
   */
  initTimeoutMs: z.number().int().min(1).max(600_000).default(5_000),
  /** Maximum time that a script waits for one function of the embedder, in milliseconds. */
  callFunctionTimeoutMs: z.number().int().min(1).max(600_000).default(1_000),
  /** Maximum number of waiting execs, over all children. Further execs fail with ERR_SIPLET_OVERLOAD. */
  maxQueue: z.number().int().min(1).default(10_000),
  /**
   * Maximum size of the messages and extraArgs of waiting execs, over all children, in bytes. Further execs fail with
   * ERR_SIPLET_OVERLOAD. One exec may always wait.
   */
  maxQueueBytes: z.number().int().min(1_024).default(268_435_456),
  /** Maximum number of execs in one batch. */
  maxBatch: z.number().int().min(1).max(65_535).default(128),
  /** Maximum number of calls of call_function in one exec. */
  maxFunctionCalls: z.number().int().min(0).default(100),
  /** Maximum number of log lines of scripts per second. Further lines are dropped and counted. */
  maxLogLines: z.number().int().min(0).default(1_000),
  /** Heap limit of the pool process of isolation `process`, without isolates, in MiB. */
  processHeapMb: z.number().int().min(32).max(65_536).default(256),
  /**
   * Maximum resident memory of the pool process of isolation `process`, in MiB. A process that exceeds this limit is
   * ended and started again. The default is 256, plus 64 and twice memoryMb for each child.
   */
  processMemoryMb: z.number().int().min(64).optional(),
  /**
   * Maximum size of a message and its extraArgs together, in bytes. A longer message is refused before any part of it
   * is copied. It must fit into the memory of the isolate, too: memoryMb must be at least four times as much.
   */
  maxMessageBytes: z.number().int().min(1_024).max(MAX_MESSAGE_BYTES).default(16_777_216),
  /** Maximum size of the edits, next hop, log lines and error of one exec together, in bytes. */
  maxResultBytes: z.number().int().min(4_096).max(67_108_864).default(262_144),
})

/** How the pool process of isolation `process` is started. */
const poolProcess = z.strictObject({
  /**
   * Command that is put in front of the program, such as `['/usr/bin/setpriv', '--no-new-privs']`. The command must
   * pass on file descriptors 2 and 3. It should replace itself by the program (exec) instead of starting another
   * process, because the host does not check the memory of that other process.
   */
  wrapper: z.array(z.string().min(1)).default([]),
  /**
   * Whether Node's --permission is set: the process may read its own files only, start no program and open no
   * connection.
   */
  permissions: z.boolean().default(true),
})

const inspect = z.strictObject({
  /** Address on which debuggers connect. Anyone who can connect can run code in the isolate. */
  host: z.string().min(1).default('127.0.0.1'),
  /** Port on which debuggers connect. 0 selects any free port. */
  port: z.number().int().min(0).max(65_535).default(9_229),
  /** Called with the URL for debuggers as soon as a debugger can connect. */
  onListening: z
    .custom<(webSocketUrl: string) => void>((value) => typeof value === 'function', 'must be a function')
    .optional(),
})

const options = z.strictObject({
  /** Path of the script: .js .mjs .cjs .ts .mts .py */
  scriptName: z.string().min(1, 'must be the path of a script'),
  /**
   * Folder below which the script may import files. The default is the script's folder. Packages are found in
   * node_modules below this folder, and above it up to the nearest package.json.
   */
  scriptRoot: z.string().min(1, 'must be the path of a folder').optional(),
  /** Name of the script's init function. It is called once per child and returns the handler object. */
  modInitFunction: identifier.default('mod_init'),
  /** Name of the method of the handler object that is called once per child, with the rank. */
  childInitMethod: identifier.default('child_init'),
  /** Number of children. Their ranks are 1 to `children`. */
  children: z.number().int().min(1).max(1_024).default(1),
  /**
   * Where the isolates run: in the calling thread, in one worker thread each, or in threads of a separate process.
   */
  isolation: z.enum(['inline', 'thread', 'process']).default('thread'),
  /**
   * How an exec is assigned to a child. 'call-id': messages of one Call-ID go to one child, in order. 'none': a
   * message goes to the child with the shortest queue.
   */
  affinity: z.enum(['call-id', 'none']).default('call-id'),
  limits: limits.prefault({}),
  process: poolProcess.prefault({}),
  /** Functions that the script can call with call_function, by name. */
  functions: functionTable.default({}),
  /** Logger with the methods of pino. The default is a pino logger that writes warnings and errors to stderr. */
  logger: loggerShape.optional(),
  /**
   * Lets a debugger attach to child 1. createEngine waits for the debugger, and the script breaks at its first line.
   * timeoutMs, initTimeoutMs and memoryMb do not apply to that child.
   */
  inspect: inspect.optional(),
})

const schema = options.refine((config) => config.inspect === undefined || config.isolation === 'inline', {
  path: ['inspect'],
  error: "needs isolation: 'inline'",
})

/** Options of createEngine. All times are in milliseconds; `memoryMb` is in MiB. */
export type EngineOptions = z.input<typeof schema>
/** The options after all defaults were applied. */
export type EngineConfig = z.output<typeof schema>
export type Limits = EngineConfig['limits']
export type InspectOptions = NonNullable<EngineConfig['inspect']>

/** Maps the modparams of the OpenSIPS module, and likely variants, to the option names used here. */
const OPENSIPS_NAMES: Record<string, string> = {
  script_name: 'scriptName',
  script_root: 'scriptRoot',
  mod_init_function: 'modInitFunction',
  child_init_method: 'childInitMethod',
}

/**
 * Options that are objects of options. Without this check, zod would accept a Map or a Date as an object without
 * options.
 */
const GROUPS: readonly string[] = ['limits', 'process', 'inspect']

/**
 * Applies the defaults and accepts the OpenSIPS modparam names as aliases.
 *
 * @throws SipletError ERR_SIPLET_CONFIG, which names each wrong option, its value and the accepted values
 */
export function parseConfig(options: unknown): EngineConfig {
  try {
    return parse(options)
  } catch (error) {
    if (error instanceof SipletError) throw error
    // A getter or a Proxy of the embedder can throw any value.
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
  // Unlike an assignment, this turns a key `__proto__` into an ordinary option, which is then refused.
  return Object.fromEntries(renamed)
}

/** Returns the value itself if it is short, otherwise the name of its type. */
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
