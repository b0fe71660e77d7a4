/** A JavaScript script in an isolate with two contexts: the script's and the prelude's. */
import type ivm from 'isolated-vm'
import type { JavaScriptBundle } from '../../script/bundle.ts'
import type { StepResult } from '../inside/javascript-handler.ts'
import type { InitResult } from '../inside/outcome.ts'
import type { Prelude } from '../inside/prelude.ts'
import { REJECTION_GUARD } from '../inside/rejection-guard.ts'
import { SCRIPT_REALM_NAME, SCRIPT_REALM_SOURCE, type ScriptRealm } from '../inside/script-realm.ts'
import type { ChildSpec, FunctionHost } from './child-spec.ts'
import { compilePrelude } from './prelude-code.ts'
import { type Entrance, entrance, type ScriptSide, setupArguments } from './script-side.ts'

export function javascriptSide(
  isolate: ivm.Isolate,
  spec: ChildSpec,
  script: JavaScriptBundle,
  functions: FunctionHost,
): ScriptSide {
  const { modInitFunction, childInitMethod, rank, inspected = false } = spec
  const { code, fileName: filename } = script
  // Debuggers see the script's context only.
  const context = isolate.createContextSync({ inspector: inspected })
  const realm: ivm.Reference<ScriptRealm> = compilePrelude(
    isolate,
    SCRIPT_REALM_SOURCE,
    SCRIPT_REALM_NAME,
  ).runSync(context, { reference: true, release: true })
  const { prelude, codeChecks } = spec.preludes
  const preludeContext = isolate.createContextSync()
  const inside: ivm.Reference<Prelude> = compilePrelude(isolate, prelude, 'siplet:prelude').runSync(
    preludeContext,
    { reference: true, release: true },
  )
  const topLevel = isolate.compileScriptSync(code, { filename })
  entrance(inside, 'setup', [
    realm.derefInto(),
    topLevel,
    context,
    compilePrelude(isolate, codeChecks, 'siplet:code-checks'),
    preludeContext,
    script.loopChecks?.name,
    PROMISES.test(code),
    ...setupArguments(spec, functions),
  ]).sync()
  const stepResult: Entrance<StepResult> = entrance(inside, 'stepResult')
  // Every entrance is a function of the script's realm. If host code entered another realm first, V8 would refuse
  // `new Function` and similar calls, which some npm packages need.
  const step = (name: keyof ScriptRealm, ...args: unknown[]) =>
    guarded(entrance(realm, name, args), stepResult)
  const methods = step('listMethods')
  return {
    load: described(step('load'), `the top level of ${filename} threw`),
    initModule: step('initModule', modInitFunction, lookup(script, modInitFunction)),
    initChild: step('initChild', childInitMethod, rank),
    methods: picked(methods, 'methods'),
    asyncMethods: picked(methods, 'asyncMethods'),
    run: realm.getSync('run', { reference: true }),
    wellEndedThrow: REJECTION_GUARD,
  }
}

/**
 * Matches what the text of a script must contain to create a promise, unless the script uses the globals that
 * script-realm.ts watches.
 */
const PROMISES = /\b(?:async|import)\b/

/**
 * Wraps a step of the start. `act` returns nothing, and throws our guard value if it ended well (rejection-guard.ts).
 */
function guarded(act: Entrance<unknown>, result: Entrance<StepResult>): Entrance<StepResult> {
  return {
    sync() {
      try {
        act.sync()
      } catch (thrown) {
        if (thrown !== REJECTION_GUARD) throw thrown
      }
      return result.sync()
    },
    async async() {
      await act.async().catch((thrown) => {
        if (thrown !== REJECTION_GUARD) throw thrown
      })
      return result.async()
    },
  }
}

/** Wraps a step so that the message of a failure begins with a description of the step. */
function described(step: Entrance<StepResult>, what: string): Entrance<InitResult> {
  const say = (result: StepResult): InitResult =>
    result.ok ? result : { ...result, message: `${what}: ${result.message}` }
  return {
    sync: () => say(step.sync()),
    async: async () => say(await step.async()),
  }
}

function picked<Name extends 'methods' | 'asyncMethods'>(
  step: Entrance<StepResult>,
  name: Name,
): Entrance<StepResult[Name]> {
  return {
    sync: () => step.sync()[name],
    async: async () => (await step.async())[name],
  }
}

function lookup(script: JavaScriptBundle, name: string): string {
  if (script.globalName !== null) return `${script.globalName}.${name}`
  return `typeof ${name} === 'undefined' ? undefined : ${name}`
}
