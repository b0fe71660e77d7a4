/** The compiled prelude: V8 compiles it once per thread, later isolates of that thread take it from the code cache. */
import type ivm from 'isolated-vm'

let cache: ivm.ExternalCopy<ArrayBuffer> | undefined

/** The prelude's script in this isolate. V8 compiles it anew where `source` is not what the cache was made of. */
export function compilePrelude(isolate: ivm.Isolate, source: string): ivm.Script {
  const script: ivm.Script & ivm.CachedDataResult = isolate.compileScriptSync(source, {
    filename: 'siplet:prelude',
    ...(cache === undefined ? { produceCachedData: true } : { cachedData: cache }),
  })
  cache ??= script.cachedData
  return script
}
