/** A JavaScript script in an isolate: two contexts, the script's own and that of the prelude. */
import type ivm from 'isolated-vm'
import type { JavaScriptBundle } from '../../script/bundle.ts'
import { type InitResult, SUCCESS } from '../inside/outcome.ts'
import type { prelude } from '../inside/prelude.ts'
import { type Entrances, SCRIPT_REALM_SOURCE, type ScriptRealm } from '../inside/script-realm.ts'
import type { ChildSpec, FunctionHost } from './child.ts'
import { compilePrelude } from './prelude-code.ts'
import { type Entrance, entrance, type ScriptSide, setupArguments } from './script-side.ts'

export function javascriptSide(
  isolate: ivm.Isolate,
  spec: ChildSpec,
  script: JavaScriptBundle,
  functions: FunctionHost,
): ScriptSide {
  const { modInitFunction, childInitMethod, rank, inspected = false } = spec
  // A debugger sees the script's context only.
  const context = isolate.createContextSync({ inspector: inspected })
  const realm: ivm.Reference<ScriptRealm> = context.evalSync(SCRIPT_REALM_SOURCE, {
    reference: true,
    filename: 'siplet:script-realm',
  })
  const inside: ivm.Reference<typeof prelude> = compilePrelude(
    isolate,
    spec.prelude,
    'siplet:prelude',
  ).runSync(isolate.createContextSync(), { reference: true, release: true })
  entrance(inside, 'setup', [realm.derefInto(), ...setupArguments(spec, functions)]).sync()
  const entrances = realm.getSync('entrances', { reference: true }) as ivm.Reference<Entrances>
  return {
    load: topLevel(isolate, context, script),
    initModule: initModule(context, lookup(script, modInitFunction), (modInit) =>
      entrance(entrances, 'initModule', [modInitFunction, modInit.derefInto()]),
    ),
    initChild: entrance(entrances, 'initChild', [childInitMethod, rank]),
    methods: entrance(inside, 'methods'),
    asyncMethods: entrance(inside, 'asyncMethods'),
    run: entrances.getSync('run', { reference: true }),
  }
}

function topLevel(
  isolate: ivm.Isolate,
  context: ivm.Context,
  { code, fileName: filename }: JavaScriptBundle,
): Entrance<InitResult> {
  return {
    sync(options) {
      isolate.compileScriptSync(code, { filename }).runSync(context, { ...options, release: true })
      return SUCCESS
    },
    async async() {
      const compiled = await isolate.compileScript(code, { filename })
      await compiled.run(context, { release: true })
      return SUCCESS
    },
  }
}

/** @param expression whose value is the init function or undefined, to be evaluated in the script's context */
function initModule(
  context: ivm.Context,
  expression: string,
  init: (modInit: ivm.Reference) => Entrance<InitResult>,
): Entrance<InitResult> {
  const value = { reference: true, filename: 'siplet:mod_init' } as const
  return {
    sync: (options) => init(context.evalSync(expression, { ...value, ...options })).sync(options),
    async: async () => init(await context.eval(expression, value)).async(),
  }
}

function lookup(script: JavaScriptBundle, name: string): string {
  if (script.globalName !== null) return `${script.globalName}.${name}`
  return `typeof ${name} === 'undefined' ? undefined : ${name}`
}
