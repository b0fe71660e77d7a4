/**
 * What runs inside an isolate that has a Python script: bundled into one text by ../bundle.ts. There is no JavaScript
 * of the author here, and none of ours that Python can reach, except the functions of messages.ts.
 */
import { listen, type RunnerSetup, runBatch, setupRunner } from '../batch-runner.ts'
import type { InitResult } from '../outcome.ts'
import {
  asyncMethods,
  callMethod,
  initChild,
  initModule,
  loadModule,
  memoryBytes,
  methods,
  startPython,
} from './python-handler.ts'
import type { WasmModule } from './webassembly.ts'

export const prelude = {
  /** See RunnerSetup of ../batch-runner.ts. */
  setup(...setup: RunnerSetup): void {
    setupRunner(setup, callMethod)
    listen()
  },
  /** Starts the interpreter and runs the top level of the script. */
  load(
    module: WasmModule,
    files: Readonly<Record<string, string>>,
    memoryLimit: number,
    path: string,
    name: string,
  ): InitResult {
    startPython(module, files, memoryLimit)
    return loadModule(path, name)
  },
  initModule,
  initChild,
  methods,
  asyncMethods,
  memoryBytes,
  run(wait: boolean, ...pieces: string[]): void {
    runBatch(wait, pieces.join(''))
  },
}
