/**
 * Thrown by a reader if data from the wire breaks its format. The caller of the reader catches it; malformed data
 * costs the child, never the host. The message becomes part of the error of the exec.
 */
export class Malformed extends Error {}

/** Returns the result of `read`, or the Malformed error that it throws. */
export function orMalformed<T>(read: () => T): T | Malformed {
  try {
    return read()
  } catch (error) {
    if (error instanceof Malformed) return error
    throw error
  }
}
