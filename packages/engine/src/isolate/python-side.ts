/** A Python script in an isolate: one context, with the prelude and the interpreter in it. */
import ivm from 'isolated-vm'
import type { PythonBundle } from '../script/bundle.ts'
import { moduleName } from '../script/python.ts'
import type { ChildSpec, FunctionHost } from './child.ts'
import { compilePrelude } from './prelude-code.ts'
import type { prelude } from './python/prelude.ts'
import { callInside, type ScriptSide, setupArguments } from './script-side.ts'

const MEBIBYTE = 1 << 20

export function pythonSide(
  isolate: ivm.Isolate,
  spec: ChildSpec,
  script: PythonBundle,
  functions: FunctionHost,
): ScriptSide {
  const { modInitFunction, childInitMethod, rank, limits } = spec
  const inside: ivm.Reference<typeof prelude> = compilePrelude(
    isolate,
    spec.prelude,
    'siplet:python',
  ).runSync(isolate.createContextSync(), { reference: true, release: true })
  callInside(inside, 'setup', [...setupArguments(spec, functions)])
  return {
    load(options) {
      callInside(inside, 'listen', [])
      const interpreter = new ivm.ExternalCopy(script.interpreter!)
      const files = new ivm.ExternalCopy(script.files)
      return callInside(
        inside,
        'load',
        [
          interpreter.copyInto({ release: true }),
          files.copyInto({ release: true }),
          limits.memoryMb * MEBIBYTE,
          script.fileName,
          moduleName(script.fileName),
        ],
        options,
      )
    },
    initModule: (options) => callInside(inside, 'initModule', [modInitFunction], options),
    initChild: (options) => callInside(inside, 'initChild', [childInitMethod, rank], options),
    methods: (options) => callInside(inside, 'methods', [], options),
    // `async def` makes a generator here, which is no integer either; what a method is cannot be told from its type.
    asyncMethods: () => [],
    run: inside.getSync('run', { reference: true }),
  }
}
