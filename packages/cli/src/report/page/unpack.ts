/** Unpacks the elements of the file: base64 of gzip of JSON. */
import { blockId, INDEX_ID, type MessageDetail, type ReportIndex } from '../format.ts'

export function loadIndex(): Promise<ReportIndex> {
  return unpack(INDEX_ID)
}

/** A cache of the latest block, which is likely to be needed again. */
let latest: { block: number; details: Promise<MessageDetail[]> } | undefined

/** @returns null if the report has no text of the message */
export async function loadDetail(index: ReportIndex, message: number): Promise<MessageDetail | null> {
  if (message >= index.withText) return null
  const block = index.blocks.findLastIndex((first) => first <= message)
  if (latest?.block !== block) latest = { block, details: unpack(blockId(block)) }
  const details = await latest.details
  return details[message - index.blocks[block]!] ?? null
}

async function unpack<Data>(id: string): Promise<Data> {
  const element = document.getElementById(id)
  if (element === null) throw new Error(`the file holds no ${id}: it was not written to its end`)
  const packed = atob(element.textContent)
  const bytes = new Uint8Array(packed.length)
  for (let k = 0; k < packed.length; k++) bytes[k] = packed.charCodeAt(k)
  const text = await new Response(
    new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip')),
  ).text()
  return JSON.parse(text)
}
