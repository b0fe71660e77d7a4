/**
 * Freezes everything that can be reached from `roots` and the intrinsics of this realm. SIPMsg's methods are of the prelude's realm and lead to its
 * intrinsics (`msg.getHeader.constructor`), so a script could patch what the parser relies on.
 */
export function harden(...roots: object[]): void {
  const seen = new Set<object>()
  const pending: object[] = [globalThis, ...roots]
  // Prototypes that no global names.
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
      const descriptor = Reflect.getOwnPropertyDescriptor(object, key)!
      for (const value of [descriptor.value, descriptor.get, descriptor.set]) {
        if ((typeof value === 'object' && value !== null) || typeof value === 'function') pending.push(value)
      }
    }
    Object.freeze(object)
  }
}
