/**
 * The environment of worker threads: none of the host's, but a place where Node keeps compiled modules, which takes two
 * thirds off the start of a worker thread. The pool process and its threads have no such place, and no environment at
 * all: who can write to the place can decide what other processes run.
 */
import { getCompileCacheDir } from 'node:module'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'

/** Node does without the cache where this folder cannot be written. */
export function workerEnv(): Record<string, string> {
  const ofHost = getCompileCacheDir()
  const folder =
    ofHost === undefined
      ? join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'siplet', 'compile-cache')
      : // Node appends a folder for its own version.
        dirname(ofHost)
  return { NODE_COMPILE_CACHE: folder }
}
