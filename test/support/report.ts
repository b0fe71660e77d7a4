/** Reads reports like the page does, without a browser. */
import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import type { MessageDetail, ReportIndex } from '../../packages/cli/src/report/format.ts'

export function readReport(path: string): { html: string; index: ReportIndex; details: MessageDetail[] } {
  const html = readFileSync(path, 'utf8')
  const elements = [
    ...html.matchAll(/<script type="application\/gzip" id="([\w-]+)">([A-Za-z0-9+/=]*)<\/script>/g),
  ]
  const data = new Map(
    elements.map(([, id, base64]) => [id, JSON.parse(gunzipSync(Buffer.from(base64!, 'base64')).toString())]),
  )
  const index = data.get('index') as ReportIndex
  const details = index.blocks.flatMap((_, block) => data.get(`block-${block}`) as MessageDetail[])
  return { html, index, details }
}
