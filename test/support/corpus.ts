/** Real captures that are not part of the project, with the results of tshark. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const CORPUS = fileURLToPath(new URL('../../../shared/corpus/', import.meta.url))

/** One SIP message as tshark reports it. */
interface TrueMessage {
  frame: number
  transport: string
  method: string
  status: string
  callId: string
  cseq: string
}

export interface TrueCapture {
  name: string
  path: string
  messages: TrueMessage[]
}

/** Returns undefined if the corpus is not on this machine. */
export function corpus(): TrueCapture[] | undefined {
  if (!existsSync(CORPUS)) return undefined
  return ['captures', 'more']
    .map((folder) => join(CORPUS, folder))
    .flatMap((folder) => readdirSync(folder).map((name) => join(folder, name)))
    .filter((path) => existsSync(`${path}.truth.tsv`))
    .map((path) => ({ name: path.slice(CORPUS.length), path, messages: truth(`${path}.truth.tsv`) }))
}

function truth(path: string): TrueMessage[] {
  const [names = [], ...rows] = readFileSync(path, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => line.split('\t'))
  return rows
    .map((row) => {
      const cell = (name: string) => row[names.indexOf(name)] ?? ''
      return {
        frame: Number(cell('frame.number')),
        transport: names.includes('transport') ? cell('transport') : cell('tcp.srcport') ? 'tcp' : 'udp',
        method: cell('sip.Method'),
        status: cell('sip.Status-Code'),
        callId: cell('sip.Call-ID'),
        cseq: cell('sip.CSeq'),
      }
    })
    .filter(({ method, status }) => method !== '' || status !== '')
}

/** Returns the torture messages, or undefined if the corpus is not on this machine. */
export function tortureMessages(): { name: string; bytes: Buffer }[] | undefined {
  const folder = join(CORPUS, 'torture')
  if (!existsSync(folder)) return undefined
  return ['valid', 'invalid'].flatMap((kind) =>
    readdirSync(join(folder, kind)).map((file) => ({
      name: file.replace('.dat', ''),
      bytes: readFileSync(join(folder, kind, file)),
    })),
  )
}
