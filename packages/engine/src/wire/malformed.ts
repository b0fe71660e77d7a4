/**
 * Something that came over the wire is not what it has to be. Readers throw it, and whoever called them catches it:
 * it costs the child, never the host. The message goes into the error of the exec.
 */
export class Malformed extends Error {}

/** What `read` returns, or what is malformed. */
export function orMalformed<T>(read: () => T): T | Malformed {
  try {
    return read()
  } catch (error) {
    if (error instanceof Malformed) return error
    throw error
  }
}
