/**
 * Our code in an isolate with a Python script. ../bundle.ts bundles it into one text. The isolate contains no
 * JavaScript of the script's author, and Python can reach only the functions of messages.ts.
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
