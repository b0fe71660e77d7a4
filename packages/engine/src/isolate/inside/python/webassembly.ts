/**
 * Declares the parts of WebAssembly that are used here. TypeScript declares WebAssembly only together with all other
 * web APIs.
 */

/** A compiled module. It can be sent to threads of this process and copied into their isolates. */
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
