/**
 * What runs inside an isolate beside a JavaScript script: bundled into one text by bundle.ts, evaluated in a context
 * of its own before the script is. Nothing of it is a global there: isolate/host/child.ts holds the only way in.
 */
import { listen, type RunnerSetup, runBatch, setupRunner, writeLog } from './batch-runner.ts'
import { harden } from './harden.ts'
import { asyncMethods, callMethod, initChild, initModule, methods } from './javascript-handler.ts'
import { defineOpenSIPSModule } from './opensips-module.ts'
import type { ScriptRealm } from './script-realm.ts'
import { SIPMsg } from './sipmsg-proxy.ts'

export const prelude = {
  /** See RunnerSetup of batch-runner.ts. */
  setup(realm: ScriptRealm, ...setup: RunnerSetup): void {
    setupRunner(setup, realm, callMethod)
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
