/**
 * Runs esbuild and ends its process.
 *
 * esbuild starts a process of its own for the first build and keeps it, with three file descriptors. It is ended when
 * no engine is left. Ending it fails all builds in progress. So this module uses its own instance of esbuild, which
 * is independent of builds of the embedder.
 *
 * A small script may make esbuild use much memory or time: for a line of 200 KB with 25,000 warnings, it writes
 * 25,000 copies of that line. So the process is watched, and ended if it exceeds limits that no honest script comes
 * near.
 */
import childProcess, { type ChildProcess, type SpawnOptions } from 'node:child_process'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { createRequire } from 'node:module'
import { residentBytes } from '../children/proc.ts'

type Esbuild = typeof import('esbuild')

const MIB = 2 ** 20
const MAX_RESIDENT_MIB = 1_024
/** Maximum time of one build, in milliseconds, independent of other builds in the process. */
const MAX_BUILD_MS = 30_000
const LOOK_MS = 20

const esbuild = ownInstance()

export const build = watched(esbuild.build)
export const transform = watched(esbuild.transform)
export const { formatMessages } = esbuild

/** The process of esbuild. After it has ended, the next build starts a new one. */
let service: ChildProcess | undefined
/** Start time of each build in progress, as returned by performance.now(). */
const builds = new Set<{ at: number }>()
let watch: NodeJS.Timeout | undefined
let excess: string | undefined
/** Resolves when a process that was ended has closed, and the builds that used it have failed. */
let closed: Promise<void> | undefined

let users = 0

/** Keeps the process of esbuild until the returned function is called. */
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
 * Returns why the process of esbuild was ended most recently, as the words after "esbuild". Undefined if it ended by
 * itself.
 */
export function excessOfEsbuild(): string | undefined {
  return excess
}

/**
 * Returns whether an error means that the process of esbuild ended. A text that is nested a million levels deep can
 * cause that. The next build then starts another process. All builds in progress fail, including those of other
 * scripts.
 */
export function hasEnded(error: unknown): boolean {
  if (!(error instanceof Error) || !/^The service (?:was stopped|is no longer running)/.test(error.message))
    return false
  esbuild.stop()
  return true
}

/** Returns the function with the process of esbuild watched until the result settles. */
function watched<Arguments extends unknown[], Result>(
  call: (...args: Arguments) => Promise<Result>,
): (...args: Arguments) => Promise<Result> {
  return async (...args) => {
    // A build that begins now would fail because of another one.
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

/** Records the process that esbuild starts within `call`. esbuild starts it immediately or not at all. */
function startingService<Result>(call: () => Result): Result {
  const note = (message: unknown) => {
    service = (message as { process: ChildProcess }).process
    excess = undefined
  }
  const { spawn } = childProcess
  subscribe('child_process', note)
  // If a text crashes esbuild, it writes thousands of lines to stderr, which it inherits. esbuild has no option to
  // change that.
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
  // The process does not keep the host alive, and the host may have nothing else to do than to wait for it.
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
