/** Compiled preludes: V8 compiles one once per thread, later isolates of that thread take it from the code cache. */
import type ivm from 'isolated-vm'

const caches = new Map<string, ivm.ExternalCopy<ArrayBuffer>>()

/** The prelude's script in this isolate. V8 compiles it anew where `source` is not what the cache was made of. */
export function compilePrelude(isolate: ivm.Isolate, source: string, filename: string): ivm.Script {
  const cache = caches.get(filename)
  const script: ivm.Script & ivm.CachedDataResult = isolate.compileScriptSync(source, {
    filename,
    ...(cache === undefined ? { produceCachedData: true } : { cachedData: cache }),
  })
  if (cache === undefined && script.cachedData !== undefined) caches.set(filename, script.cachedData)
  return script
}
