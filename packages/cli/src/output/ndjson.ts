/** `--ndjson`: writes one line of JSON per SIP message. */
import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import type { Writable } from 'node:stream'
import { finished } from 'node:stream/promises'
import { printableJSON } from '@siplet/engine'
import type { ReplayConsumer } from '../replay/consumer.ts'
import type { ReplayedMessage } from '../replay/replayed-message.ts'
import { outputError } from './output-file.ts'

/** Writes lines to a file, or to stdout for `-`. Every accepted line is written completely. */
export class NDJSONWriter implements ReplayConsumer {
  readonly #path: string
  readonly #stream: Writable
  #failure: Error | undefined

  constructor(path: string) {
    this.#path = path
    this.#stream = path === '-' ? process.stdout : createWriteStream(path)
    this.#stream.on('error', (error) => {
      this.#failure ??= error
    })
  }

  /** @returns false if nobody reads stdout any more: the replay may then end */
  async write(messages: readonly ReplayedMessage[]): Promise<boolean> {
    let text = ''
    for (const { line } of messages) text += `${printableJSON(line)}\n`
    if (!this.#failure && !this.#stream.write(text)) {
      await once(this.#stream, 'drain').catch(() => {})
    }
    return this.#check()
  }

  /** Resolves when everything is written. */
  async close(): Promise<void> {
    if (this.#path === '-' || this.#failure) {
      this.#check()
      return
    }
    this.#stream.end()
    await finished(this.#stream).catch(() => {})
    this.#check()
  }

  #check(): boolean {
    const failure = this.#failure as NodeJS.ErrnoException | undefined
    if (failure === undefined) return true
    if (failure.code === 'EPIPE') return false
    throw outputError(this.#path, failure)
  }
}
