/** A JavaScript script in an isolate: two contexts, the script's own and that of the prelude. */
import type ivm from 'isolated-vm'
import type { JavaScriptBundle } from '../script/bundle.ts'
import type { ChildSpec, FunctionHost } from './child.ts'
import { SUCCESS } from './outcome.ts'
import type { prelude } from './prelude.ts'
import { compilePrelude } from './prelude-code.ts'
import { type Entrances, SCRIPT_REALM_SOURCE, type ScriptRealm } from './script-realm.ts'
import { callInside, type ScriptSide, setupArguments } from './script-side.ts'

export function javascriptSide(
  isolate: ivm.Isolate,
  spec: ChildSpec,
  script: JavaScriptBundle,
  functions: FunctionHost,
): ScriptSide {
  const { modInitFunction, childInitMethod, rank } = spec
  const context = isolate.createContextSync()
  const realm: ivm.Reference<ScriptRealm> = context.evalSync(SCRIPT_REALM_SOURCE, {
    reference: true,
    filename: 'siplet:script-realm',
  })
  const inside: ivm.Reference<typeof prelude> = compilePrelude(
    isolate,
    spec.prelude,
    'siplet:prelude',
  ).runSync(isolate.createContextSync(), { reference: true, release: true })
  callInside(inside, 'setup', [...setupArguments(spec, functions), realm.derefInto()])
  const entrances = realm.getSync('entrances', { reference: true }) as ivm.Reference<Entrances>
  return {
    load(options) {
      callInside(inside, 'listen', [])
      const compiled = isolate.compileScriptSync(script.code, { filename: script.fileName })
      compiled.runSync(context, { ...options, release: true })
      return SUCCESS
    },
    initModule(options) {
      const modInit = context.evalSync(lookup(script, modInitFunction), { reference: true, ...options })
      return callInside(entrances, 'initModule', [modInitFunction, modInit.derefInto()], options)
    },
    initChild: (options) => callInside(entrances, 'initChild', [childInitMethod, rank], options),
    methods: (options) => callInside(inside, 'methods', [], options),
    asyncMethods: (options) => callInside(inside, 'asyncMethods', [], options),
    run: entrances.getSync('run', { reference: true }),
  }
}

/** An expression, to be evaluated in the script's context, whose value is the init function or undefined. */
function lookup(script: JavaScriptBundle, name: string): string {
  if (script.globalName !== null) return `${script.globalName}.${name}`
  return `typeof ${name} === 'undefined' ? undefined : ${name}`
}
