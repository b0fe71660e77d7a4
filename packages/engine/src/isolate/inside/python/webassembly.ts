/** WebAssembly, as far as it is used here: TypeScript describes it only together with the whole of the web. */

/** A compiled module. It can be cloned to threads of this process, and copied into its isolates. */
export interface WasmModule {
  readonly [Symbol.toStringTag]: string
}

export interface WasmInstance {
  readonly exports: object
}

interface WebAssemblyNamespace {
  Module: new (bytes: Uint8Array) => WasmModule
  Instance: new (module: WasmModule, imports: Record<string, Record<string, unknown>>) => WasmInstance
}

const { Module, Instance } = (globalThis as unknown as { WebAssembly: WebAssemblyNamespace }).WebAssembly

export function compileWasm(bytes: Uint8Array): WasmModule {
  return new Module(bytes)
}

export function instantiateWasm(
  module: WasmModule,
  imports: Record<string, Record<string, unknown>>,
): WasmInstance {
  return new Instance(module, imports)
}
