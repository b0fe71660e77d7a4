/**
 * Snapshots of an area (verdict.ts) for frames: the head of the area and its committed records. The isolate may write
 * to the area while a snapshot is made, and it may have written nonsense.
 */
import { BEGUN, COMMITTED, RECORDS_START } from './verdict.ts'

const COMMITTED_AT = COMMITTED * Int32Array.BYTES_PER_ELEMENT
const BEGUN_AT = BEGUN * Int32Array.BYTES_PER_ELEMENT

/** Number of attempts. An honest isolate begins no exec during at least one of them. */
const MAX_LOOKS = 100
/** An impossible number of committed bytes. The reader treats it as malformed. */
const NONSENSE = -1

/**
 * Returns a copy of the area up to the last committed record. If the numbers in the head are impossible, the copy
 * consists of the head with these numbers.
 */
export function areaSnapshot(area: SharedArrayBuffer): Buffer {
  const progress = new Int32Array(area, 0, BEGUN + 1)
  let begun: number
  let committed: number
  let looks = 0
  // Both numbers must be of the same moment: the number of begun execs must fit the committed outcomes.
  do {
    begun = Atomics.load(progress, BEGUN)
    committed = Atomics.load(progress, COMMITTED)
  } while (Atomics.load(progress, BEGUN) !== begun && ++looks < MAX_LOOKS)
  const fits = committed >= 0 && committed <= area.byteLength - RECORDS_START
  const snapshot = Buffer.from(Buffer.from(area, 0, RECORDS_START + (fits ? committed : 0)))
  snapshot.writeInt32LE(committed, COMMITTED_AT)
  snapshot.writeInt32LE(begun, BEGUN_AT)
  return snapshot
}

/** Copies a snapshot into an area of the host. Returns false and copies nothing if the snapshot cannot be valid. */
export function takeSnapshot(area: Buffer, snapshot: Buffer): boolean {
  if (snapshot.length < RECORDS_START || snapshot.length > area.length) return false
  area.set(snapshot)
  // Any further bytes belong to another batch.
  const fits = snapshotProgress(snapshot).committed === snapshot.length - RECORDS_START
  if (!fits) area.writeInt32LE(NONSENSE, COMMITTED_AT)
  return true
}

/** Returns the progress that a snapshot claims. The numbers are not checked. */
export function snapshotProgress(snapshot: Buffer): { committed: number; begun: number } {
  return { committed: snapshot.readInt32LE(COMMITTED_AT), begun: snapshot.readInt32LE(BEGUN_AT) }
}
