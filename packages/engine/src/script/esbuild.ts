/**
 * esbuild, and the end of its process. esbuild starts a process of its own for the first build, and keeps it: three file
 * descriptors. It is ended when no engine is left. Ending it fails builds that are under way, so this is an instance of
 * our own, which builds of the embedder have nothing to do with.
 */
import { createRequire } from 'node:module'

type Esbuild = typeof import('esbuild')

const esbuild = ownInstance()

export const { build, transform, formatMessages } = esbuild

let users = 0

/** Keeps the process of esbuild until the function that is returned has been called. */
export function keepEsbuild(): () => void {
  users++
  let kept = true
  return () => {
    if (!kept) return
    kept = false
    users--
    if (users === 0) esbuild.stop()
  }
}

/**
 * Whether an error says that the process of esbuild ended, which a text nested a million levels deep does to it; the
 * next build starts another one then. Everything that was under way fails, whoever it was for.
 */
export function hasEnded(error: unknown): boolean {
  if (!(error instanceof Error) || !/^The service (?:was stopped|is no longer running)/.test(error.message))
    return false
  esbuild.stop()
  return true
}

function ownInstance(): Esbuild {
  const require = createRequire(import.meta.url)
  const path = require.resolve('esbuild')
  const shared = require.cache[path]
  delete require.cache[path]
  try {
    return require(path)
  } finally {
    if (shared === undefined) delete require.cache[path]
    else require.cache[path] = shared
  }
}
