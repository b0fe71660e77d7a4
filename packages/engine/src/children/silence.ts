/** Tells a process that is stuck from one that a busy machine does not let run. */

/** How often the host looks: milliseconds. */
export const LOOK_MS = 500
/** Looks in a row that find nothing new, before somebody counts as silent. The first ones may be the host's own fault. */
const MAX_SILENT_LOOKS = 5
/** CPU time between two looks. A process that had more of it than this was able to say something: milliseconds. */
const CHANCE_MS = 50
/**
 * Looks in a row that may be left out because the process waits for a CPU. Linux was seen to keep a new session waiting
 * for seconds, with eight busy processes on two CPUs.
 */
const MAX_STARVED_LOOKS = 60

/** What the system says of a process at a look. */
export interface Scheduling {
  /** CPU time of all its threads since its start: milliseconds. */
  readonly cpuMs: number
  /** One of its threads waits for a CPU or for a disk. */
  readonly waits: boolean
}

/** Counts looks at a process that should say something all the time, by who should be heard. */
export class Silence<Speaker> {
  readonly #silentLooks = new Map<Speaker, number>()
  #starvedLooks = 0
  #cpuMs = 0

  /**
   * Takes what one look found.
   *
   * @param scheduling undefined if the system does not tell: then every look counts
   * @param silent speakers of whom nothing has been heard since the look before; all others are heard
   * @returns the first speaker who has been silent for too long
   */
  look(scheduling: Scheduling | undefined, silent: readonly Speaker[]): Speaker | undefined {
    for (const speaker of this.#silentLooks.keys()) {
      if (!silent.includes(speaker)) this.#silentLooks.delete(speaker)
    }
    if (this.#isStarved(scheduling)) return undefined
    for (const speaker of silent) {
      const looks = (this.#silentLooks.get(speaker) ?? 0) + 1
      this.#silentLooks.set(speaker, looks)
      if (looks >= MAX_SILENT_LOOKS) return speaker
    }
    return undefined
  }

  #isStarved(scheduling: Scheduling | undefined): boolean {
    const cpuMs = scheduling?.cpuMs ?? 0
    const starved = scheduling?.waits === true && cpuMs - this.#cpuMs < CHANCE_MS
    this.#cpuMs = cpuMs
    this.#starvedLooks = starved ? this.#starvedLooks + 1 : 0
    return starved && this.#starvedLooks <= MAX_STARVED_LOOKS
  }
}
