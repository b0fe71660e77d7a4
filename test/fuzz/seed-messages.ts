/** The messages that are mutated: our own, and those of the corpus if it is available. */
import { fileURLToPath } from 'node:url'
import { INVITE, LONG_INVITE, OK } from '../../benchmarks/support/messages.ts'
import { createCaptureStats, readSIPMessages } from '../../packages/cli/src/capture/index.ts'
import { corpus, tortureMessages } from '../support/corpus.ts'
import { TORTURE } from '../support/torture.ts'

const EXAMPLE = fileURLToPath(new URL('../../examples/calls.pcapng', import.meta.url))

export async function seedMessages(): Promise<Buffer[]> {
  const captures = [EXAMPLE, ...(corpus() ?? []).map(({ path }) => path)]
  return [
    INVITE,
    OK,
    LONG_INVITE,
    ...TORTURE.map(({ text }) => Buffer.from(text, 'latin1')),
    ...(tortureMessages() ?? []).map(({ bytes }) => bytes),
    ...(await Promise.all(captures.map(messagesOf))).flat(),
  ]
}

async function messagesOf(path: string): Promise<Buffer[]> {
  const messages: Buffer[] = []
  for await (const batch of readSIPMessages(path, createCaptureStats())) {
    for (const { bytes } of batch) messages.push(Buffer.from(bytes))
  }
  return messages
}
