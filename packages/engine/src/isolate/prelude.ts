/**
 * What runs inside an isolate beside a JavaScript script: bundled into one text by bundle.ts, evaluated in a context
 * of its own before the script is. Nothing of it is a global there: isolate/child.ts holds the only way in.
 */
import { type FunctionGates, listen, runBatch, setupRunner, writeLog } from './batch-runner.ts'
import { harden } from './harden.ts'
import { asyncMethods, callMethod, initChild, initModule, methods } from './javascript-handler.ts'
import { defineOpenSIPSModule } from './opensips-module.ts'
import type { ScriptRealm } from './script-realm.ts'
import { SIPMsg } from './sipmsg-proxy.ts'

export const prelude = {
  /** See RunnerSetup of batch-runner.ts. */
  setup(
    area: SharedArrayBuffer,
    maxResultBytes: number,
    sliceMs: number,
    maxFunctionCalls: number,
    direct: FunctionGates['direct'],
    waiting: FunctionGates['waiting'],
    realm: ScriptRealm,
  ): void {
    setupRunner(
      { area, maxResultBytes, sliceMs, maxFunctionCalls, gates: { direct, waiting } },
      realm,
      callMethod,
    )
    defineOpenSIPSModule(realm, writeLog)
    realm.entrances = realm.enter(prelude)
    harden(SIPMsg.prototype)
    listen()
  },
  initModule,
  initChild,
  methods,
  asyncMethods,
  run: runBatch,
}
