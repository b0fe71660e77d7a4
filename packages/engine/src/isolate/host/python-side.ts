/** A Python script in an isolate with one context, which contains the prelude and the interpreter. */
import ivm from 'isolated-vm'
import type { PythonBundle } from '../../script/bundle.ts'
import { moduleName } from '../../script/python.ts'
import type { prelude } from '../inside/python/prelude.ts'
import type { ChildSpec, FunctionHost } from './child-spec.ts'
import { compilePrelude } from './prelude-code.ts'
import { entrance, type ScriptSide, setupArguments } from './script-side.ts'

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
    spec.preludes.prelude,
    'siplet:python',
  ).runSync(isolate.createContextSync(), { reference: true, release: true })
  entrance(inside, 'setup', setupArguments(spec, functions)).sync()
  return {
    load: entrance(inside, 'load', [
      new ivm.ExternalCopy(script.interpreter!).copyInto({ release: true }),
      new ivm.ExternalCopy(script.files).copyInto({ release: true }),
      limits.memoryMb * MEBIBYTE,
      script.fileName,
      moduleName(script.fileName),
    ]),
    initModule: entrance(inside, 'initModule', [modInitFunction]),
    initChild: entrance(inside, 'initChild', [childInitMethod, rank]),
    methods: entrance(inside, 'methods'),
    asyncMethods: entrance(inside, 'asyncMethods'),
    // V8 does not count the memory of WebAssembly.
    otherBytes: entrance(inside, 'memoryBytes'),
    run: inside.getSync('run', { reference: true }),
  }
}
