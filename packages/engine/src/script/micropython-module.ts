/**
 * Compiles the WebAssembly build of MicroPython once per process. Threads and isolates of the process share the
 * compiled module.
 */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { compileWasm, type WasmModule } from '../isolate/inside/python/webassembly.ts'
import type { Bundle } from './bundle.ts'

const FILE = '@micropython/micropython-webassembly-pyscript/micropython.wasm'

let compiled: WasmModule | undefined

/** Adds the interpreter to a script that needs it. Must be called in the process that runs the isolates. */
export function withInterpreter(script: Bundle): Bundle {
  return script.language === 'python' ? { ...script, interpreter: interpreter() } : script
}

function interpreter(): WasmModule {
  compiled ??= compileWasm(readFileSync(createRequire(import.meta.url).resolve(FILE)))
  return compiled
}
