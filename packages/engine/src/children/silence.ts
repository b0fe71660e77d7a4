/** Tells a process that is stuck from one that a busy machine does not let run. */

/** How often the host looks: milliseconds. */
export const LOOK_MS = 500
/** Looks in a row that find nothing new, before somebody counts as silent. The first ones may be the host's own fault. */
const MAX_SILENT_LOOKS = 5
/** A process whose threads together had less CPU time than this between two looks can hardly do anything: milliseconds. */
const FEW_MS = 50
/**
 * CPU time after which the main thread must have said something, also if it had to load its code first: milliseconds.
 * To load it takes 200 to 400.
 */
const ENOUGH_MS = 1_000
/**
 * Looks in a row that may be left out because the process waits for a CPU. Linux was seen to keep a new session waiting
 * for seconds, with eight busy processes on two CPUs.
 */
const MAX_STARVED_LOOKS = 60

/** What the system says of threads at a look. */
export interface Threads {
  /** CPU time since their start: milliseconds. */
  readonly cpuMs: number
  /** One of them waits for a CPU or for a disk, or runs. */
  readonly ready: boolean
}

/** What the system says of a process at a look. */
export interface Scheduling {
  /** All threads. */
  readonly all: Threads
  /** The main thread, which is the one that speaks. */
  readonly main: Threads
}

/** Counts looks at a process that should say something of each of its ranks all the time. */
export class Silence {
  /** Looks in a row at which the process had said nothing. */
  #silentLooks = 0
  /** Looks at which the process had spoken, but not of this rank. */
  readonly #ignoredLooks = new Map<number, number>()
  #starvedLooks = 0
  #cpuMs = 0
  /** CPU time that the main thread had when the process was found silent first; undefined while it speaks. */
  #mainCpuMs: number | undefined

  /**
   * Takes what one look found.
   *
   * @param spoke whether the process has said anything since the look before
   * @param silentRanks of whom it has said nothing since then
   * @param scheduling undefined if the system does not tell: then every look counts
   * @returns who has been silent for too long: the whole process, or a rank that the process does not speak of
   */
  look(
    spoke: boolean,
    silentRanks: readonly number[],
    scheduling: Scheduling | undefined,
  ): 'process' | number | undefined {
    if (spoke) {
      this.#silentLooks = 0
      this.#mainCpuMs = undefined
      for (const rank of this.#ignoredLooks.keys()) {
        if (!silentRanks.includes(rank)) this.#ignoredLooks.delete(rank)
      }
    } else this.#mainCpuMs ??= scheduling?.main.cpuMs
    if (this.#isStarved(spoke, scheduling)) return undefined
    if (!spoke) {
      this.#silentLooks++
      return this.#silentLooks >= MAX_SILENT_LOOKS ? 'process' : undefined
    }
    for (const rank of silentRanks) {
      const looks = (this.#ignoredLooks.get(rank) ?? 0) + 1
      this.#ignoredLooks.set(rank, looks)
      if (looks >= MAX_SILENT_LOOKS) return rank
    }
    return undefined
  }

  #isStarved(spoke: boolean, scheduling: Scheduling | undefined): boolean {
    if (scheduling === undefined) return false
    const { all, main } = scheduling
    const hardlyRan = all.ready && all.cpuMs - this.#cpuMs < FEW_MS
    const mayStillSpeak = !spoke && main.ready && main.cpuMs - (this.#mainCpuMs ?? 0) < ENOUGH_MS
    this.#cpuMs = all.cpuMs
    const starved = hardlyRan || mayStillSpeak
    this.#starvedLooks = starved ? this.#starvedLooks + 1 : 0
    return starved && this.#starvedLooks <= MAX_STARVED_LOOKS
  }
}
