/**
 * Snapshots of a verdict area (verdict.ts) for frames: its head and the committed records. The isolate may be writing
 * while one is made, and it may have written nonsense.
 */
import { BEGUN, COMMITTED, RECORDS_START } from './verdict.ts'

const COMMITTED_AT = COMMITTED * Int32Array.BYTES_PER_ELEMENT
const BEGUN_AT = BEGUN * Int32Array.BYTES_PER_ELEMENT

/** In so many looks an honest isolate begins no exec at least once. */
const MAX_LOOKS = 100
/** No area has so many committed bytes: the reader answers "malformed". */
const NONSENSE = -1

/**
 * A copy of the area up to the last committed record. If the area claims what cannot be, the copy is its head alone, with
 * the claim in it.
 */
export function areaSnapshot(area: SharedArrayBuffer): Buffer {
  const progress = new Int32Array(area, 0, BEGUN + 1)
  let begun: number
  let committed: number
  let looks = 0
  // Both of one moment: the number of execs that began must fit the outcomes that stand there.
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

/** Puts a snapshot into an area of the host. False, and nothing done, if it cannot be one. */
export function takeSnapshot(area: Buffer, snapshot: Buffer): boolean {
  if (snapshot.length < RECORDS_START || snapshot.length > area.length) return false
  area.set(snapshot)
  // Further bytes are those of another batch.
  const fits = snapshotProgress(snapshot).committed === snapshot.length - RECORDS_START
  if (!fits) area.writeInt32LE(NONSENSE, COMMITTED_AT)
  return true
}

/** What a snapshot says of the progress of its batch; not checked. */
export function snapshotProgress(snapshot: Buffer): { committed: number; begun: number } {
  return { committed: snapshot.readInt32LE(COMMITTED_AT), begun: snapshot.readInt32LE(BEGUN_AT) }
}
