/**
 * Remembers messages that ended the pool process. A message that did so twice is refused from then on. It is
 * forgotten when the script changes, or after MAX_REMEMBERED other messages.
 */
import { hash } from 'node:crypto'

const MAX_REMEMBERED = 1_000
const REFUSED_FROM = 2

export class Poison {
  readonly #kills = new Map<string, number>()
  /**
   * Lengths of the remembered messages. Nearly every other message differs in length, so no hash is needed for it.
   */
  readonly #lengths = new Set<number>()

  /** Records that an exec of this method on this message (one-byte text) ended its process. */
  killed(method: string, text: string): void {
    const name = key(method, text)
    const kills = (this.#kills.get(name) ?? 0) + 1
    if (this.#kills.size >= MAX_REMEMBERED) this.clear()
    this.#kills.set(name, kills)
    this.#lengths.add(text.length)
  }

  refuses(method: string, text: string): boolean {
    if (!this.#lengths.has(text.length)) return false
    return (this.#kills.get(key(method, text)) ?? 0) >= REFUSED_FROM
  }

  clear(): void {
    this.#kills.clear()
    this.#lengths.clear()
  }
}

function key(method: string, text: string): string {
  return `${method} ${hash('sha256', text)}`
}
