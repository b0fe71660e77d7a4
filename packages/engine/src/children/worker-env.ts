/**
 * The environment of worker threads. It contains nothing of the host's environment except the folder of Node's
 * compile cache, which saves two thirds of the start of a worker. The pool process and its threads have no
 * environment and no such folder, because code that can write there decides what other processes run.
 */
import { getCompileCacheDir } from 'node:module'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'

/** Returns the environment of a worker. Node works without the cache if the folder cannot be written. */
export function workerEnv(): Record<string, string> {
  const ofHost = getCompileCacheDir()
  const folder =
    ofHost === undefined
      ? join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'siplet', 'compile-cache')
      : // Node appends a folder for its own version, so the parent folder is passed on.
        dirname(ofHost)
  return { NODE_COMPILE_CACHE: folder }
}
