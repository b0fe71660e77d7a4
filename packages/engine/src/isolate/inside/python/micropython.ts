/**
 * The MicroPython interpreter: its WebAssembly build with the minimum of imports. The JavaScript that comes with the
 * build is not used, because it starts asynchronously and gives Python the global object.
 */

import { encodeUtf8 } from '@siplet/sipmsg'
import { IsolateEnd } from '../batch-runner.ts'
import { fileSystem } from './files.ts'
import { functionTable, type HostFunction, MODULE } from './function-table.ts'
import { Memory, type WasmMemory } from './memory.ts'
import {
  type FromPython,
  readReference,
  readValue,
  type ToPython,
  VALUE_SIZE,
  type ValueExports,
  writeFunction,
  writeValue,
} from './values.ts'
import { instantiateWasm, type WasmModule } from './webassembly.ts'

interface Exports extends ValueExports {
  memory: WasmMemory
  __indirect_function_table: { get(index: number): (...args: number[]) => number }
  __wasm_call_ctors(): void
  emscripten_stack_init(): void
  emscripten_stack_get_current(): number
  _emscripten_stack_restore(pointer: number): void
  setThrew(threw: number, value: number): void
  mp_js_init(stackWords: number, heapBytes: number): void
  proxy_c_init(): void
  mp_js_register_js_module(name: number, value: number): void
  mp_js_do_import(name: number, out: number): void
  proxy_c_to_js_lookup_attr(reference: number, name: number, out: number): void
  proxy_c_to_js_call(reference: number, count: number, args: number, out: number): void
}

/**
 * Size of the stack for frames of Python calls, in 32-bit words. The C stack of the build has a fixed size and
 * overflows first.
 */
const STACK_WORDS = 32_768
/** Initial size of the heap of Python objects. The interpreter extends it. */
const HEAP_BYTES = 1 << 20
const MAX_ARGUMENTS = 4
/** The value that a longjmp throws. The wrappers of C calls recognise it because it is a number. */
const LONGJMP = Number.POSITIVE_INFINITY

export interface MicroPythonOptions {
  /** Text of the files that Python can see, by absolute path. */
  files: Readonly<Record<string, string>>
  /** Functions of the module that Python imports as `moduleName`. */
  functions: Readonly<Record<string, HostFunction>>
  moduleName: string
  /** Receives what Python prints: file descriptor 1 or 2, and one-byte text. */
  write(descriptor: number, text: string): void
  /** Maximum memory of the interpreter, in bytes. */
  memoryLimit: number
}

/** A function of a Python module. */
export type PythonFunction = (...args: ToPython[]) => FromPython

export class MicroPython {
  readonly #exports: Exports
  readonly #memory: Memory
  /** Address of the memory for one returned value. */
  readonly #out: number
  readonly #args: number

  constructor(module: WasmModule, { files, functions, moduleName, write, memoryLimit }: MicroPythonOptions) {
    const memory = () => this.#memory
    const exports = () => this.#exports
    const env = {
      ...invokers(exports),
      ...fileSystem(memory, files, write),
      ...functionTable(memory, exports, functions),
      ...clock(),
      emscripten_resize_heap: (size: number) => Number(this.#memory.grow(size >>> 0)),
      _emscripten_throw_longjmp: () => {
        throw LONGJMP
      },
      _abort_js: () => {
        throw new IsolateEnd('the interpreter gave up')
      },
    }
    this.#exports = instantiateWasm(module, { env, wasi_snapshot_preview1: env }).exports as Exports
    this.#memory = new Memory(this.#exports.memory, memoryLimit)
    this.#exports.emscripten_stack_init()
    this.#exports.__wasm_call_ctors()
    this.#exports.mp_js_init(STACK_WORDS, HEAP_BYTES)
    this.#exports.proxy_c_init()
    this.#out = this.#exports.malloc(VALUE_SIZE)
    this.#args = this.#exports.malloc(MAX_ARGUMENTS * VALUE_SIZE)
    writeFunction(this.#memory, this.#out, MODULE)
    this.#withText(moduleName, (name) => this.#exports.mp_js_register_js_module(name, this.#out))
  }

  /** Size of the memory in bytes. */
  get memorySize(): number {
    return this.#memory.size
  }

  /** Imports one of our own modules. Returns the named functions of the module. */
  importFunctions<Name extends string>(module: string, names: readonly Name[]): Record<Name, PythonFunction> {
    this.#withText(module, (name) => this.#exports.mp_js_do_import(name, this.#out))
    const reference = readReference(this.#memory, this.#out)
    if (reference === undefined) throw new IsolateEnd(`the interpreter cannot import ${module}`)
    const functions = {} as Record<Name, PythonFunction>
    for (const name of names) {
      this.#withText(name, (text) => this.#exports.proxy_c_to_js_lookup_attr(reference, text, this.#out))
      const target = readReference(this.#memory, this.#out)
      if (target === undefined) throw new IsolateEnd(`${module} has no function ${name}`)
      functions[name] = (...args) => this.#call(target, args)
    }
    return functions
  }

  #call(target: number, args: readonly ToPython[]): FromPython {
    for (let i = 0; i < args.length; i++) {
      writeValue(this.#memory, this.#exports, this.#args + i * VALUE_SIZE, args[i]!)
    }
    this.#exports.proxy_c_to_js_call(target, args.length, this.#args, this.#out)
    return readValue(this.#memory, this.#exports, this.#out)
  }

  #withText(text: string, use: (pointer: number) => void): void {
    const bytes = encodeUtf8(text)
    const pointer = this.#exports.malloc(bytes.length + 1)
    this.#memory.writeOneByteText(pointer, bytes)
    use(pointer)
    this.#exports.free(pointer)
  }
}

/**
 * Returns the imports that call C functions to which a longjmp may return: `invoke_` and the types of result and
 * arguments.
 */
function invokers(
  exports: () => Exports,
): Record<string, (index: number, ...args: number[]) => number | undefined> {
  const invoke = (index: number, ...args: number[]): number | undefined => {
    const { __indirect_function_table, emscripten_stack_get_current, _emscripten_stack_restore, setThrew } =
      exports()
    const stack = emscripten_stack_get_current()
    try {
      return __indirect_function_table.get(index)(...args)
    } catch (thrown) {
      if (thrown !== LONGJMP) throw thrown
      _emscripten_stack_restore(stack)
      setThrew(1, 0)
      return undefined
    }
  }
  const types = ['i', 'ii', 'iii', 'iiii', 'iiiii', 'iiiiii', 'v', 'vi', 'vii', 'viii', 'viiii']
  return Object.fromEntries(types.map((type) => [`invoke_${type}`, invoke]))
}

/** Time and random numbers. The random numbers are those of Math.random, so they are not suitable for secrets. */
function clock(): Record<string, () => number> {
  const { now } = Date
  const { random } = Math
  const start = now()
  return {
    mp_js_ticks_ms: () => now() - start,
    mp_js_time_ms: now,
    mp_js_random_u32: () => Math.floor(random() * 2 ** 32),
  }
}
