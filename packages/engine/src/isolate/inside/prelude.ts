/**
 * Our code in an isolate with a JavaScript script. bundle.ts bundles it into one text, which is evaluated in a
 * context of its own before the script. It defines no global there, and the script holds no object of it:
 * script-realm.ts stands between both.
 */
import { listen, type RunnerSetup, setupRunner } from './batch-runner.ts'
import type { CodeChecks } from './code-checks.ts'
import { harden } from './harden.ts'
import { callMethod, connectRealm, stepResult } from './javascript-handler.ts'
import type { ScriptRealm } from './script-realm.ts'

/** A compiled script of isolated-vm. Inside the isolate, the script and its context are objects of isolated-vm. */
interface CompiledScript {
  runSync(context: unknown): unknown
  runSync(context: unknown, options: { reference: true }): { deref(): unknown }
}

export const prelude = {
  /**
   * Connects the realms.
   *
   * @param script the top level of the script, and the context in which it runs
   * @param codeChecks code-checks.ts, and the context of the prelude
   * @param loopCheck name of the global that the loops of the script call, if the script has loops
   * @param mayPromise whether the text of the script can create promises (rejection-guard.ts)
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
      // When called from within the isolate, isolated-vm rethrows what the script throws, without reading any
      // property of it.
      evaluate() {
        script.runSync(scriptContext)
      },
      codeChecks: () => codeChecks.runSync(preludeContext, { reference: true }).deref() as CodeChecks,
    })
    listen()
  },
  /** Returns the result of the last step of the start. */
  stepResult,
}

export type Prelude = typeof prelude
