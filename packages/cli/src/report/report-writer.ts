/** Writes a report while the replay runs: texts go to the file block by block, columns and counts stay in memory. */
import { type FileHandle, open } from 'node:fs/promises'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { outputError } from '../output/output-file.ts'
import type { ReplayConsumer } from '../replay/consumer.ts'
import type { NDJSONLine, ReplayedMessage } from '../replay/replayed-message.ts'
import { loadPage, type Page, pageFoot, pageHead } from './bundle.ts'
import {
  blockId,
  DATA_TYPE,
  DECISIONS,
  type Decision,
  INDEX_ID,
  type MessageDetail,
  type ReportIndex,
} from './format.ts'
import { Latency } from './latency.ts'
import { MessageTable } from './message-table.ts'
import { Timeline } from './timeline.ts'

/** A block is what is unpacked to show one message, so it is small; it ends at whichever comes first. */
const BLOCK_MESSAGES = 256
const BLOCK_CHARACTERS = 1 << 20

/** What a report takes at most: what browsers still open with ease. */
export const REPORT_LIMITS = {
  /** Messages in the list, and characters of their URIs, Call-IDs and other columns. */
  messages: 200_000,
  characters: 64 * 1024 * 1024,
  /** Texts of messages as they stand in the file. */
  textBytes: 128 * 1024 * 1024,
}

const compress = promisify(gzip)

/** What the report is of. */
export interface ReportSubject {
  script: string
  captures: readonly string[]
  /** What the replay left out, in words; asked for at the end. */
  notes(): readonly string[]
}

export class ReportWriter implements ReplayConsumer {
  /** Whether it was closed, and the file is a report. */
  complete = false
  readonly #path: string
  readonly #subject: ReportSubject
  readonly #file: FileHandle
  readonly #page: Page
  readonly #limits: typeof REPORT_LIMITS
  readonly #table = new MessageTable()
  readonly #timeline = new Timeline()
  readonly #latency = new Latency()
  readonly #decisions = DECISIONS.map(() => 0)
  readonly #totals = { messages: 0, requests: 0, replies: 0, edited: 0, dstUri: 0 }
  #start = '0.000000000'
  #details: MessageDetail[] = []
  #detailCharacters = 0
  /** First message of each block. */
  readonly #blocks: number[] = []
  #blockBytes = 0
  #withText = 0
  /** The block that is being compressed and written. */
  #underWay: Promise<void> = Promise.resolve()

  /** @throws CLIError ERR_SIPLET_OUTPUT */
  static async open(path: string, subject: ReportSubject, limits = REPORT_LIMITS): Promise<ReportWriter> {
    const page = await loadPage()
    const file = await open(path, 'w').catch((error) => {
      throw outputError(path, error)
    })
    const writer = new ReportWriter(path, subject, file, page, limits)
    await writer.#write(pageHead(page))
    return writer
  }

  private constructor(
    path: string,
    subject: ReportSubject,
    file: FileHandle,
    page: Page,
    limits: typeof REPORT_LIMITS,
  ) {
    this.#path = path
    this.#subject = subject
    this.#file = file
    this.#page = page
    this.#limits = limits
  }

  /** @throws CLIError ERR_SIPLET_OUTPUT */
  async write(messages: readonly ReplayedMessage[]): Promise<undefined> {
    for (const replayed of messages) {
      this.#add(replayed)
      const blockEnds = this.#details.length === BLOCK_MESSAGES || this.#detailCharacters >= BLOCK_CHARACTERS
      if (blockEnds) await this.#flush()
    }
  }

  /**
   * Writes what the page opens with. Until then the file is no report.
   *
   * @throws CLIError ERR_SIPLET_OUTPUT
   */
  async close(): Promise<void> {
    try {
      await this.#flush()
      await this.#underWay
      await this.#write(await dataElement(INDEX_ID, this.#index()))
      await this.#write(pageFoot(this.#page))
      this.complete = true
    } finally {
      await this.#file.close()
    }
  }

  #add(replayed: ReplayedMessage): void {
    const { line } = replayed
    const totals = this.#totals
    if (totals.messages++ === 0) this.#start = line.time
    totals[line.type === 'SIP_REQUEST' ? 'requests' : 'replies']++
    if (line.edited) totals.edited++
    if (line.dstUri !== null) totals.dstUri++
    const decision = DECISIONS.indexOf(decisionOf(line))
    this.#decisions[decision]!++
    this.#timeline.add(Number(line.time) * 1_000, decision)
    if (line.us !== null) this.#latency.add(line.us)
    const { messages, characters, textBytes } = this.#limits
    if (this.#table.length >= messages || this.#table.characters >= characters) return
    this.#table.add(replayed)
    if (this.#blockBytes >= textBytes) return
    this.#details.push(detail(replayed))
    this.#detailCharacters += replayed.message.text.length
    this.#withText++
  }

  /** Begins with the next block once the one before is written, so that two at most are held. */
  async #flush(): Promise<void> {
    if (this.#details.length === 0) return
    const details = this.#details
    const block = this.#blocks.push(this.#withText - details.length) - 1
    this.#details = []
    this.#detailCharacters = 0
    await this.#underWay
    this.#underWay = this.#writeBlock(block, details)
    // A failure is thrown where it is awaited, with the next block.
    this.#underWay.catch(() => {})
  }

  async #writeBlock(block: number, details: MessageDetail[]): Promise<void> {
    const element = await dataElement(blockId(block), details)
    this.#blockBytes += element.length
    await this.#write(element)
  }

  #index(): ReportIndex {
    const { script, captures, notes } = this.#subject
    return {
      version: 1,
      script,
      captures: [...captures],
      written: new Date().toISOString(),
      start: this.#start,
      totals: this.#totals,
      decisions: this.#decisions,
      listed: this.#table.length,
      withText: this.#withText,
      blocks: this.#blocks,
      notes: [...notes()],
      strings: this.#table.strings,
      messages: this.#table.messages,
      calls: this.#table.calls,
      timeline: this.#timeline.data(),
      latency: this.#latency.data(),
    }
  }

  async #write(text: string): Promise<void> {
    await this.#file.writeFile(text).catch((error) => {
      throw outputError(this.#path, error)
    })
  }
}

function decisionOf({ error, exec, code }: NDJSONLine): Decision {
  if (error !== null) return 'error'
  if (exec === null) return 'not run'
  return code! > 0 ? 'true' : code! < 0 ? 'false' : 'stop'
}

function detail({ message, result, line: { error } }: ReplayedMessage): MessageDetail {
  const splices = result?.edited ? result.message.splices : []
  return {
    raw: message.text,
    splices: splices.map(({ start, end, text }) => [start, end, text]),
    child: result?.child ?? 0,
    sharedBy: result?.sharedBy ?? 1,
    error: error && { ...error, stack: result?.error?.stack ?? '' },
    logs: result?.logs.map(({ level, text }) => [level, text]) ?? [],
  }
}

/** Nothing of the data stands in the HTML as it is: base64 has no markup. */
async function dataElement(id: string, data: unknown): Promise<string> {
  const packed = await compress(JSON.stringify(data))
  return `<script type="${DATA_TYPE}" id="${id}">${packed.toString('base64')}</script>\n`
}
