/**
 * Freezes everything that can be reached from the globals of this realm. No script should ever reach this realm
 * (script-realm.ts). If one does, it still cannot patch what the parser relies on. Functions that are not
 * constructors are not frozen, because nothing is looked up on them.
 */
export function harden(): void {
  for (const name of UNUSED) Reflect.deleteProperty(globalThis, name)
  const seen = new Set<object>()
  const pending: object[] = [globalThis]
  // Prototypes that no global refers to.
  pending.push(
    Object.getPrototypeOf(function* () {}),
    Object.getPrototypeOf(async () => {}),
  )
  pending.push(
    Object.getPrototypeOf(async function* () {}),
    Object.getPrototypeOf([][Symbol.iterator]()),
  )
  pending.push(Object.getPrototypeOf(''[Symbol.iterator]()), Object.getPrototypeOf(/x/[Symbol.matchAll]('x')))
  for (let object = pending.pop(); object !== undefined; object = pending.pop()) {
    if (seen.has(object)) continue
    seen.add(object)
    const prototype = Object.getPrototypeOf(object)
    if (prototype !== null) pending.push(prototype)
    for (const key of Reflect.ownKeys(object)) {
      const value = Reflect.getOwnPropertyDescriptor(object, key)!.value
      if ((typeof value === 'object' && value !== null) || isConstructor(value)) pending.push(value)
    }
    Object.freeze(object)
  }
}

function isConstructor(value: unknown): value is object {
  return typeof value === 'function' && Object.hasOwn(value, 'prototype')
}

/** Large globals that no code here uses. They are deleted, because freezing them would take half of the time. */
const UNUSED = ['Temporal', 'Intl', 'WebAssembly', 'Iterator', 'console', 'Atomics']
