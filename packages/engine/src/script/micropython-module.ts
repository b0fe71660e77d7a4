/** The WebAssembly build of MicroPython, compiled once per process; its threads and isolates share what it compiled to. */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { compileWasm, type WasmModule } from '../isolate/inside/python/webassembly.ts'
import type { Bundle } from './bundle.ts'

const FILE = '@micropython/micropython-webassembly-pyscript/micropython.wasm'

let compiled: WasmModule | undefined

/** The script with the interpreter it needs, if it needs one; to be asked for in the process its isolates are in. */
export function withInterpreter(script: Bundle): Bundle {
  return script.language === 'python' ? { ...script, interpreter: interpreter() } : script
}

function interpreter(): WasmModule {
  compiled ??= compileWasm(readFileSync(createRequire(import.meta.url).resolve(FILE)))
  return compiled
}
