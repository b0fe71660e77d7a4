/** Tells a stuck process from one that gets no CPU time on a busy machine. */

/** Interval of the checks, in milliseconds. */
export const LOOK_MS = 500
/**
 * Number of checks in a row without news before a process or rank counts as silent. The host itself may cause the
 * first ones.
 */
const MAX_SILENT_LOOKS = 5
/** Maximum CPU time, in milliseconds, that all threads of a starved process together use between two checks. */
const FEW_MS = 50
/**
 * CPU time, in milliseconds, after which the main thread must have sent something, even if it had to load its code
 * first. Loading takes 200 to 400 ms.
 */
const ENOUGH_MS = 1_000
/**
 * Maximum number of checks in a row that are skipped because the process waits for a CPU. Linux was seen to let a new
 * session wait for seconds, with eight busy processes on two CPUs.
 */
const MAX_STARVED_LOOKS = 60

/** Scheduling state of threads at the time of a check. */
export interface Threads {
  /** CPU time since their start, in milliseconds. */
  readonly cpuMs: number
  /** Whether one of them runs, or waits for a CPU or a disk. */
  readonly ready: boolean
}

/** Scheduling state of a process at the time of a check. */
export interface Scheduling {
  /** All threads. */
  readonly all: Threads
  /** The main thread, which sends the frames. */
  readonly main: Threads
}

/** Counts the checks of a process that should report on each busy rank all the time. */
export class Silence {
  /** Number of checks in a row at which the process had sent nothing. */
  #silentLooks = 0
  /** Number of checks, per rank, at which the process had sent something, but nothing about the rank. */
  readonly #ignoredLooks = new Map<number, number>()
  #starvedLooks = 0
  #cpuMs = 0
  /**
   * CPU time of the main thread when the process was first found silent; undefined while the process sends frames.
   */
  #mainCpuMs: number | undefined

  /**
   * Evaluates one check.
   *
   * @param spoke whether the process has sent anything since the previous check
   * @param silentRanks the ranks without a report since the previous check
   * @param scheduling undefined if the system does not provide it; then every check counts
   * @returns what has been silent for too long: the whole process, or a rank
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
