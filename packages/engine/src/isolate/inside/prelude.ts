/**
 * What runs inside an isolate beside a JavaScript script: bundled into one text by bundle.ts, evaluated in a context
 * of its own before the script is. Nothing of it is a global there, and the script holds nothing of it: script-realm.ts
 * stands in between.
 */
import { listen, type RunnerSetup, setupRunner } from './batch-runner.ts'
import type { CodeChecks } from './code-checks.ts'
import { harden } from './harden.ts'
import { callMethod, connectRealm, stepResult } from './javascript-handler.ts'
import type { ScriptRealm } from './script-realm.ts'

/** A compiled script of isolated-vm. Inside the isolate, it and the context that it runs in are isolated-vm's objects. */
interface CompiledScript {
  runSync(context: unknown): unknown
  runSync(context: unknown, options: { reference: true }): { deref(): unknown }
}

export const prelude = {
  /**
   * Connects the realms.
   *
   * @param script the top level of the script, and the context it runs in
   * @param codeChecks code-checks.ts, and the context of the prelude
   * @param loopCheck name of the global that loops of the script call, if it has any
   * @param mayPromise whether the text of the script can make promises: see rejection-guard.ts
   * @param setup see RunnerSetup of batch-runner.ts
   */
  setup(
    realm: ScriptRealm,
    script: CompiledScript,
    scriptContext: unknown,
    codeChecks: CompiledScript,
    preludeContext: unknown,
    loopCheck: string | undefined,
    mayPromise: boolean,
    ...setup: RunnerSetup
  ): void {
    harden()
    setupRunner(setup, callMethod)
    connectRealm(realm, {
      mayPromise,
      loopCheck,
      // Called from within the isolate, isolated-vm passes on what the script throws as it is, and reads nothing of it.
      evaluate() {
        script.runSync(scriptContext)
      },
      codeChecks: () => codeChecks.runSync(preludeContext, { reference: true }).deref() as CodeChecks,
    })
    listen()
  },
  /** What the last step of the start came to. */
  stepResult,
}

export type Prelude = typeof prelude
