/** Errors and log lines of a script, with stacks that refer to the script as written. */
import { SipletError } from '../errors.ts'
import type { StartFailure } from '../isolate/host/child-spec.ts'
import type { LogLine } from '../wire/verdict.ts'
import type { Bundle } from './bundle.ts'
import { StackMapper } from './stack.ts'

/** Takes linear time for any number of line breaks, because the script controls the text. */
const FRAME = /^[ \t]+at .+:\d+:\d+/m

export class ScriptErrors {
  readonly #fileName: string
  readonly #stacks: StackMapper

  constructor(script: Bundle) {
    this.#fileName = script.fileName
    this.#stacks = new StackMapper(script)
  }

  /** Maps a stack. The script controls this text: even if mapping fails, the exec must get its result. */
  mapStack(stack: string): string {
    try {
      return this.#stacks.map(stack)
    } catch {
      return stack
    }
  }

  /** Maps stacks in log lines. Returns the same array if there is none. */
  mapLogs(logs: readonly LogLine[]): readonly LogLine[] {
    return logs.some(({ text }) => FRAME.test(text))
      ? logs.map(({ level, text }) => ({ level, text: this.mapStack(text) }))
      : logs
  }

  /** Returns the error for a child that did not start. The message names the rank and the place in the script. */
  startError({ code, message, stack }: StartFailure, rank: number): SipletError {
    const written = this.mapStack(stack)
    const place =
      firstPlace(written) ?? (message.includes(this.#fileName) ? undefined : `in ${this.#fileName}`)
    return new SipletError(code, `child ${rank}: ${message}${place === undefined ? '' : ` (${place})`}`, {
      rank,
      ...(written && { stack: written }),
    })
  }
}

/** Returns the first place of a stack, for an error message without its stack. */
function firstPlace(stack: string): string | undefined {
  for (const line of stack.split('\n')) {
    if (!/^[ \t]+at /.test(line)) continue
    const place = line.slice(Math.max(line.lastIndexOf(' '), line.lastIndexOf('(')) + 1).replace(/\)$/, '')
    if (/:\d+:\d+$/.test(place)) return `at ${place}`
  }
  return undefined
}
