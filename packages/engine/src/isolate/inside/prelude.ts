/**
 * What runs inside an isolate beside a JavaScript script: bundled into one text by bundle.ts, evaluated in a context
 * of its own before the script is. Nothing of it is a global there, and the script holds nothing of it: script-realm.ts
 * stands in between.
 */
import { listen, type RunnerSetup, setupRunner } from './batch-runner.ts'
import { harden } from './harden.ts'
import { callMethod, connectRealm, stepResult } from './javascript-handler.ts'
import type { ScriptRealm } from './script-realm.ts'

/** A compiled script of isolated-vm, and the context it runs in; inside the isolate, both are isolated-vm's objects. */
interface TopLevel {
  runSync(context: unknown): unknown
}

export const prelude = {
  /**
   * Connects the realms.
   *
   * @param setup see RunnerSetup of batch-runner.ts
   */
  setup(
    realm: ScriptRealm,
    script: TopLevel,
    context: unknown,
    mayPromise: boolean,
    ...setup: RunnerSetup
  ): void {
    harden()
    setupRunner(setup, callMethod)
    // Called from within the isolate, isolated-vm passes on what the script throws as it is, and reads nothing of it.
    connectRealm(realm, mayPromise, () => {
      script.runSync(context)
    })
    listen()
  },
  /** What the last step of the start came to. */
  stepResult,
}
