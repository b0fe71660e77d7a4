/**
 * Keeps isolated-vm from reading values that a script rejected a promise with.
 *
 * When a call into an isolate has ended, isolated-vm reads `message` and `stack` of the first rejection that nothing
 * handled (TaskEpilogue in its src/isolate/environment.cc). A getter there would run without any time limit, on the
 * thread of the host. So the first such rejection is always ours: a number, which has nothing to be read. isolated-vm
 * forgets all others then, and the call throws our number, which the host takes for a call that ended well.
 *
 * That throw costs about 5 µs. A script that cannot make a promise does without: it has no `async` and no `import` in its
 * text, and has looked at no global that leads to promises or makes code from a text (script-realm.ts watches them).
 */

/** What a call into the isolate throws that ended well, where the script may have made promises. */
export const REJECTION_GUARD = 0x51b1e7

let mayPromise = false
/** The guard of the call under way: isolated-vm holds it weakly. */
const held: Promise<never>[] = []

/** The text of the script can make promises. */
export function expectPromises(): void {
  mayPromise = true
}

/** The script, which is running, can make promises from now on. */
export function promisesFromNowOn(): void {
  // The first one stays, whatever was rejected since.
  if (held.length === 0) held.push(Promise.reject(REJECTION_GUARD))
  mayPromise = true
}

/** To be called at the start of every call into the isolate, before any code of the script runs. */
export function guardRejections(): void {
  held.length = 0
  if (mayPromise) held.push(Promise.reject(REJECTION_GUARD))
}

/** The same for a step of the start, which is rare: always with the guard. */
export function guardStep(): void {
  held[0] = Promise.reject(REJECTION_GUARD)
}
