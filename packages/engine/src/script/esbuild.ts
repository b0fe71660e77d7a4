/**
 * esbuild, and the end of its process. esbuild starts a process of its own for the first build, and keeps it: three file
 * descriptors. It is ended when no engine is left. Ending it fails builds that are under way, so this is an instance of
 * our own, which builds of the embedder have nothing to do with.
 *
 * A small script may take esbuild much memory or time: for a line of 200 KB with 25,000 warnings, it writes 25,000 copies
 * of that line. So the process is watched, and ended beyond limits that no honest script comes near.
 */
import childProcess, { type ChildProcess, type SpawnOptions } from 'node:child_process'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { createRequire } from 'node:module'
import { residentBytes } from '../children/proc.ts'

type Esbuild = typeof import('esbuild')

const MIB = 2 ** 20
const MAX_RESIDENT_MIB = 1_024
/** Of one build, whatever else the process does meanwhile: milliseconds. */
const MAX_BUILD_MS = 30_000
const LOOK_MS = 20

const esbuild = ownInstance()

export const build = watched(esbuild.build)
export const transform = watched(esbuild.transform)
export const { formatMessages } = esbuild

/** The process of esbuild. One that has ended is replaced by the next build. */
let service: ChildProcess | undefined
/** When each build under way began: of performance.now(). */
const builds = new Set<{ at: number }>()
let watch: NodeJS.Timeout | undefined
let excess: string | undefined
/** Settles when a process that was ended has closed, and whoever used it knows. */
let closed: Promise<void> | undefined

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

/** Why the process of esbuild was ended last, if it did not end by itself: the words after "esbuild". */
export function excessOfEsbuild(): string | undefined {
  return excess
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

/** The same function, with the process of esbuild watched until the result has settled. */
function watched<Arguments extends unknown[], Result>(
  call: (...args: Arguments) => Promise<Result>,
): (...args: Arguments) => Promise<Result> {
  return async (...args) => {
    // A build that begins now would fail for what another one did.
    await closed
    const build = { at: performance.now() }
    builds.add(build)
    watch ??= setInterval(look, LOOK_MS).unref()
    try {
      return await startingService(() => call(...args))
    } finally {
      builds.delete(build)
      if (builds.size === 0) {
        clearInterval(watch)
        watch = undefined
      }
    }
  }
}

/** Notes the process that esbuild starts within `call`, which is at once or not at all. */
function startingService<Result>(call: () => Result): Result {
  const note = (message: unknown) => {
    service = (message as { process: ChildProcess }).process
    excess = undefined
  }
  const { spawn } = childProcess
  subscribe('child_process', note)
  // When a text makes it crash, esbuild writes thousands of lines to stderr, which it inherits. It has no option for that.
  childProcess.spawn = ((command: string, args: string[], options: SpawnOptions) =>
    spawn(command, args, { ...options, stdio: ['pipe', 'pipe', 'ignore'] })) as typeof spawn
  try {
    return call()
  } finally {
    childProcess.spawn = spawn
    unsubscribe('child_process', note)
  }
}

function look(): void {
  if (service?.pid === undefined || excess !== undefined) return
  if (service.exitCode !== null || service.signalCode !== null) return
  const mib = (residentBytes(service.pid) ?? 0) / MIB
  const oldest = Math.min(...[...builds].map(({ at }) => at))
  if (mib > MAX_RESIDENT_MIB) excess = `takes more than ${MAX_RESIDENT_MIB} MiB`
  else if (performance.now() - oldest > MAX_BUILD_MS) excess = `takes longer than ${MAX_BUILD_MS / 1_000} s`
  else return
  const { promise, resolve } = Promise.withResolvers<void>()
  closed = promise
  // The process alone does not keep the host alive, which may have nothing else to do than to wait for it.
  const alive = setInterval(() => {}, MAX_BUILD_MS)
  service.once('close', () => {
    clearInterval(alive)
    closed = undefined
    esbuild.stop()
    resolve()
  })
  service.kill('SIGKILL')
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
