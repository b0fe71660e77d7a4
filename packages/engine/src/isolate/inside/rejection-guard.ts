/**
 * Prevents isolated-vm from reading values with which a script rejected a promise.
 *
 * When a call into an isolate has ended, isolated-vm reads `message` and `stack` of the first unhandled rejection
 * (TaskEpilogue in its src/isolate/environment.cc). A getter there would run without a time limit, on the host's
 * thread. So we create the first rejection ourselves: its value is a number, which has no getters. isolated-vm then
 * ignores all other rejections, and the call throws our number. The host treats this number as the sign that the call
 * ended well.
 *
 * This throw costs about 5 µs. A script that cannot create a promise does not need it: its text contains no `async`
 * and no `import`, and it has not accessed a global that leads to promises or creates code from text (script-realm.ts
 * watches these globals).
 */

/** The value that a call into the isolate throws if it ended well and the script may have created promises. */
export const REJECTION_GUARD = 0x51b1e7

let mayPromise = false
/** Keeps the guard of the current call alive: isolated-vm holds it weakly. */
const held: Promise<never>[] = []

/** Called if the text of the script can create promises. */
export function expectPromises(): void {
  mayPromise = true
}

/** Called when the running script gains access to promises. */
export function promisesFromNowOn(): void {
  // An existing guard must stay, because the script may have rejected promises since it was created.
  if (held.length === 0) held.push(Promise.reject(REJECTION_GUARD))
  mayPromise = true
}

/**
 * Creates the guard if it is needed. Must be called at the start of every call into the isolate, before any code of
 * the script runs.
 */
export function guardRejections(): void {
  held.length = 0
  if (mayPromise) held.push(Promise.reject(REJECTION_GUARD))
}

/** Creates the guard for a step of the start. Steps are rare, so they always get a guard. */
export function guardStep(): void {
  held[0] = Promise.reject(REJECTION_GUARD)
}
