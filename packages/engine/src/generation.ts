/** One generation of children. They have the same script, start together and end together. */
import { createChildren } from './children/create.ts'
import type { Workers } from './children/idle-workers.ts'
import type { EngineConfig } from './config.ts'
import { ChildQueue, type QueueEvents, type StartFailure } from './dispatch/child-queue.ts'
import { SipletError } from './errors.ts'
import type { Functions } from './functions/functions.ts'
import type { Inspector } from './inspector/inspector.ts'
import { preludes } from './isolate/host/bundle.ts'
import type { StartResult } from './isolate/host/child-spec.ts'
import type { Bundle } from './script/bundle.ts'
import { loadScript } from './script/load.ts'
import { StackMapper } from './script/stack.ts'
import type { LogLine } from './wire/verdict.ts'

/** Maximum size of a batch, in bytes. Larger batches are not faster. */
const MAX_BATCH_BYTES = 262_144

export interface GenerationEvents extends QueueEvents {
  /** Reports a problem that the author of the script should know about. */
  warned(text: string): void
}

export class Generation {
  readonly queues: readonly ChildQueue[]
  /** Names of the methods of the object that mod_init returned, in order of definition. */
  readonly methods: readonly string[]
  /** Names of those methods that are async functions or generators. */
  readonly asyncMethods: readonly string[]
  readonly #script: Bundle
  readonly #stacks: StackMapper

  private constructor(
    queues: readonly ChildQueue[],
    script: Bundle,
    stacks: StackMapper,
    first: StartResult,
  ) {
    this.queues = queues
    this.#script = script
    this.#stacks = stacks
    this.methods = first.ok ? first.methods : []
    this.asyncMethods = first.ok ? first.asyncMethods : []
  }

  /**
   * Loads the script and starts all children concurrently.
   *
   * @param inspector the engine's inspector, if a debugger may attach
   * @throws SipletError any error of loadScript or Inspector, or, with rank and cause, ERR_SIPLET_SCRIPT_LOAD,
   *   ERR_SIPLET_MOD_INIT or ERR_SIPLET_CHILD_INIT. No child keeps running then.
   */
  static async start(
    config: EngineConfig,
    functions: Functions,
    workers: Workers,
    events: (generation: () => Generation | undefined) => GenerationEvents,
    inspector?: Inspector,
  ): Promise<Generation> {
    const loaded = await loadScript(config.scriptName, {
      scriptRoot: config.scriptRoot,
      debugged: inspector !== undefined,
    })
    const texts = await preludes(loaded.language)
    const stacks = new StackMapper(loaded)
    const script = inspector === undefined ? loaded : await inspector.open(loaded)
    let generation: Generation | undefined
    const generationEvents = events(() => generation)
    if (loaded.language === 'python') loaded.warnings.forEach(generationEvents.warned)
    const queueEvents = withMappedLogs(generationEvents, stacks)
    const limits = { maxBatch: config.limits.maxBatch, maxBatchBytes: MAX_BATCH_BYTES }
    const children = await createChildren(config, script, texts, functions, workers, inspector)
    const queues = children.map((child) => new ChildQueue(child, limits, queueEvents))
    const results = await Promise.all(queues.map((queue) => queue.start()))
    const failed = results.findIndex((result) => !result.ok)
    if (failed !== -1) {
      await Promise.all(queues.map((queue) => queue.child.close()))
      throw startError(loaded, stacks, results[failed] as StartFailure, failed + 1)
    }
    generation = new Generation(queues, loaded, stacks, results[0]!)
    return generation
  }

  /** Maps a stack to files, lines and columns of the script as written. */
  mapStack(stack: string): string {
    return mapped(this.#stacks, stack)
  }

  startError(failure: StartFailure, rank: number): SipletError {
    return startError(this.#script, this.#stacks, failure, rank)
  }

  /** Finishes the waiting execs, then ends the children. */
  async close(): Promise<void> {
    await Promise.all(this.queues.map((queue) => queue.idle()))
    await Promise.all(this.queues.map((queue) => queue.child.close()))
  }
}

/** Maps the stacks in log lines of a script, in the same way as the stacks of errors that it throws. */
function withMappedLogs(events: QueueEvents, stacks: StackMapper): QueueEvents {
  const mappedLogs = (logs: readonly LogLine[]): readonly LogLine[] =>
    logs.some(({ text }) => FRAME.test(text))
      ? logs.map(({ level, text }) => ({ level, text: mapped(stacks, text) }))
      : logs
  return {
    ...events,
    ended: (exec, outcome, ...rest) => {
      const logs = mappedLogs(outcome.logs)
      events.ended(exec, logs === outcome.logs ? outcome : { ...outcome, logs }, ...rest)
    },
    broke: (exec, ending, logs, ...rest) => events.broke(exec, ending, mappedLogs(logs), ...rest),
    started: (logs, rank) => events.started(mappedLogs(logs), rank),
  }
}

/** The script controls this text. Even if mapping fails, the exec must get its result. */
function mapped(stacks: StackMapper, text: string): string {
  try {
    return stacks.map(text)
  } catch {
    return text
  }
}

/** Takes linear time for any number of line breaks, because the script controls the text. */
const FRAME = /^[ \t]+at .+:\d+:\d+/m

function startError(
  { fileName }: Bundle,
  stacks: StackMapper,
  { code, message, stack }: StartFailure,
  rank: number,
): SipletError {
  const written = mapped(stacks, stack)
  const place = firstPlace(written) ?? (message.includes(fileName) ? undefined : `in ${fileName}`)
  return new SipletError(code, `child ${rank}: ${message}${place === undefined ? '' : ` (${place})`}`, {
    rank,
    ...(written && { stack: written }),
  })
}

/** Returns the first place of a stack, for an error message without its stack. */
function firstPlace(stack: string): string | undefined {
  for (const line of stack.split('\n')) {
    if (!/^[ \t]+at /.test(line)) continue
    const place = line.slice(Math.max(line.lastIndexOf(' '), line.lastIndexOf('(')) + 1).replace(/\)$/, '')
    if (/:\d+:\d+$/.test(place)) return `at ${place}`
  }
  return undefined
}
