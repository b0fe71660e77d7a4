/** One generation of children. They have the same script, start together and end together. */
import { createChildren } from './children/create.ts'
import type { Workers } from './children/idle-workers.ts'
import type { EngineConfig } from './config.ts'
import { ChildQueue, type QueueEvents } from './dispatch/child-queue.ts'
import type { Functions } from './functions/functions.ts'
import type { Inspector } from './inspector/inspector.ts'
import { preludes } from './isolate/host/bundle.ts'
import type { StartFailure, StartResult } from './isolate/host/child-spec.ts'
import { loadScript } from './script/load.ts'
import { ScriptErrors } from './script/script-errors.ts'

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

  private constructor(queues: readonly ChildQueue[], first: StartResult) {
    this.queues = queues
    this.methods = first.ok ? first.methods : []
    this.asyncMethods = first.ok ? first.asyncMethods : []
  }

  /**
   * Loads the script and starts all children concurrently.
   *
   * @param eventsOf returns the events of the generation, given the errors of its script
   * @param inspector the engine's inspector, if a debugger may attach
   * @throws SipletError any error of loadScript or Inspector, or, with rank and cause, ERR_SIPLET_SCRIPT_LOAD,
   *   ERR_SIPLET_MOD_INIT or ERR_SIPLET_CHILD_INIT. No child keeps running then.
   */
  static async start(
    config: EngineConfig,
    functions: Functions,
    workers: Workers,
    eventsOf: (errors: ScriptErrors) => GenerationEvents,
    inspector?: Inspector,
  ): Promise<Generation> {
    const loaded = await loadScript(config.scriptName, {
      scriptRoot: config.scriptRoot,
      debugged: inspector !== undefined,
    })
    const texts = await preludes(loaded.language)
    const errors = new ScriptErrors(loaded)
    const script = inspector === undefined ? loaded : await inspector.open(loaded)
    const events = eventsOf(errors)
    if (loaded.language === 'python') loaded.warnings.forEach(events.warned)
    const limits = { maxBatch: config.limits.maxBatch, maxBatchBytes: MAX_BATCH_BYTES }
    const children = await createChildren(config, script, texts, functions, workers, inspector)
    const queues = children.map((child) => new ChildQueue(child, limits, events))
    const results = await Promise.all(queues.map((queue) => queue.start()))
    const failed = results.findIndex((result) => !result.ok)
    if (failed !== -1) {
      await Promise.all(queues.map((queue) => queue.child.close()))
      throw errors.startError(results[failed] as StartFailure, failed + 1)
    }
    return new Generation(queues, results[0]!)
  }

  /** Finishes the waiting execs, then ends the children. */
  async close(): Promise<void> {
    await Promise.all(this.queues.map((queue) => queue.idle()))
    await Promise.all(this.queues.map((queue) => queue.child.close()))
  }
}
