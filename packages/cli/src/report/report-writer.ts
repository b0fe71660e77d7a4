/** Writes a report while the replay runs. Texts go to the file block by block; columns and counts stay in memory. */
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

/**
 * Upper bounds on a block. Showing one message unpacks its block, so a block is small. It ends at the bound that is
 * reached first.
 */
const BLOCK_MESSAGES = 256
const BLOCK_CHARACTERS = 1 << 20

/** Upper bounds on a report, chosen so that browsers still open it without trouble. */
export const REPORT_LIMITS = {
  /** Number of messages in the list, and number of characters of their URIs, Call-IDs and other columns. */
  messages: 200_000,
  characters: 64 * 1024 * 1024,
  /** Texts of messages, in bytes of the file. */
  textBytes: 128 * 1024 * 1024,
}

const compress = promisify(gzip)

/** The subject of a report. */
export interface ReportSubject {
  script: string
  captures: readonly string[]
  /** Returns sentences about what the replay left out. Called at the end. */
  notes(): readonly string[]
}

export class ReportWriter implements ReplayConsumer {
  /** Whether the report was closed successfully, so that the file is complete. */
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
  /** Resolves when the current block is compressed and written. */
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
   * Writes the index and the end of the page. Before that, the file is not a usable report.
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

  /** Starts to write a block after the previous one is written, so at most two blocks are held. */
  async #flush(): Promise<void> {
    if (this.#details.length === 0) return
    const details = this.#details
    const block = this.#blocks.push(this.#withText - details.length) - 1
    this.#details = []
    this.#detailCharacters = 0
    await this.#underWay
    this.#underWay = this.#writeBlock(block, details)
    // The error is thrown when the next block awaits this promise.
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

/** Returns an element with the data in base64, so that the HTML contains no markup from the data. */
async function dataElement(id: string, data: unknown): Promise<string> {
  const packed = await compress(JSON.stringify(data))
  return `<script type="${DATA_TYPE}" id="${id}">${packed.toString('base64')}</script>\n`
}
