/** `--compare`: runs every message through a second script as well, which is the baseline. */
import type { Engine } from '@siplet/engine'
import { lineChanges } from '../output/line-changes.ts'
import type { FunctionCalls } from '../script-functions.ts'
import type { ReplayConsumer } from './consumer.ts'
import { type Difference, DifferenceCollector, decisionDifferences, decisionOf } from './decisions.ts'
import { ReplayedMessage } from './replayed-message.ts'

export class Comparison implements ReplayConsumer {
  readonly differences = new DifferenceCollector()
  readonly #other: Engine
  readonly #extra: { extraArgs?: string }

  /** @param extraArgs second argument of the methods */
  constructor(other: Engine, extraArgs?: string) {
    this.#other = other
    this.#extra = extraArgs === undefined ? {} : { extraArgs }
  }

  async write(messages: readonly ReplayedMessage[]): Promise<undefined> {
    const others = await Promise.all(messages.map((replayed) => this.#replay(replayed)))
    for (const [k, replayed] of messages.entries()) {
      this.differences.add(replayed, differencesOf(others[k]!, replayed))
    }
  }

  async close(): Promise<void> {}

  /** If the other script lacks a method, the method is not run, just as replies without a reply method. */
  async #replay(replayed: ReplayedMessage): Promise<ReplayedMessage> {
    const { captured, message, exec } = replayed
    if (exec === null || !this.#other.methods.includes(exec)) {
      return new ReplayedMessage({ captured, message, exec: null, result: null })
    }
    const { src, dst, bytes } = captured
    const calls: FunctionCalls = []
    const result = await this.#other.exec(exec, bytes, { src, dst, ...this.#extra, context: calls })
    return new ReplayedMessage({ captured, message, exec, result })
  }
}

function differencesOf(old: ReplayedMessage, now: ReplayedMessage): Difference[] {
  const differences = decisionDifferences(decisionOf(old.line), decisionOf(now.line))
  const [before, after] = [textOf(old), textOf(now)]
  if (before !== after) differences.push({ field: 'bytes', before, after: lineDiff(before, after) })
  return differences
}

function textOf({ result, message }: ReplayedMessage): string {
  return result?.edited ? result.message.text : message.text
}

function lineDiff(before: string, after: string): string {
  return lineChanges(before, after)
    .filter(({ added, removed }) => added || removed)
    .flatMap(({ value, added }) =>
      value
        .trimEnd()
        .split(/\r?\n/)
        .map((line) => `${added ? '+' : '-'} ${line}`),
    )
    .join('\n')
}
