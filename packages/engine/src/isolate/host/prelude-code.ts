/** Compiles preludes. V8 compiles each prelude once per thread; later isolates of the thread use the code cache. */
import type ivm from 'isolated-vm'

const caches = new Map<string, ivm.ExternalCopy<ArrayBuffer>>()

/** Returns the prelude's script for this isolate. V8 compiles the source again if it differs from the cached one. */
export function compilePrelude(isolate: ivm.Isolate, source: string, filename: string): ivm.Script {
  const cache = caches.get(filename)
  const script: ivm.Script & ivm.CachedDataResult = isolate.compileScriptSync(source, {
    filename,
    ...(cache === undefined ? { produceCachedData: true } : { cachedData: cache }),
  })
  if (cache === undefined && script.cachedData !== undefined) caches.set(filename, script.cachedData)
  return script
}
