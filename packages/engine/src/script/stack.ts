/** Maps stack traces to the script as written. */
import { SourceMap } from 'node:module'
import { dirname, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Bundle } from './bundle.ts'
import { columnAsWritten, type LoopChecks } from './loop-checks.ts'

/** Maps the stacks of one bundle. */
export class StackMapper {
  readonly #fileName: string
  /** URL of the script, which is its name if a debugger may attach. */
  readonly #url: string
  readonly #map: SourceMap | undefined
  readonly #loopChecks: LoopChecks | null

  constructor(script: Bundle) {
    const map = script.language === 'javascript' ? script.map : null
    this.#fileName = script.fileName
    this.#url = pathToFileURL(script.fileName).href
    this.#loopChecks = script.language === 'javascript' ? script.loopChecks : null
    this.#map = map === null ? undefined : new SourceMap(JSON.parse(map))
  }

  /** Returns the stack without our own frames. Positions in the bundle are replaced by positions in the sources. */
  map(stack: string): string {
    const lines = stack.replaceAll(this.#url, this.#fileName).replace(EVAL_ORIGIN, '').split('\n')
    const boundary = lines.findIndex((line) => line.includes(BOUNDARY))
    return (boundary === -1 ? lines : lines.slice(0, boundary))
      .filter((line) => !PRELUDE_FRAME.test(line))
      .map((line) => this.#line(line))
      .join('\n')
  }

  #line(line: string): string {
    const map = this.#map
    const checks = this.#loopChecks
    if (map === undefined && checks === null) return line
    const at = line.lastIndexOf(this.#fileName)
    if (at === -1) return line
    // The flag `s` matters because the script controls the line: if `.` did not match every character, the digits
    // would be tried again and again.
    const position = /^:(\d+):(\d+)(.*)$/s.exec(line.slice(at + this.#fileName.length))
    if (position === null) return line
    const lineNumber = Number(position[1])
    const shown = Number(position[2])
    const rest = position[3]
    const column = checks === null ? shown : columnAsWritten(checks, lineNumber - 1, shown - 1) + 1
    const entry = map?.findEntry(lineNumber - 1, column - 1)
    if (entry === undefined || !('originalSource' in entry))
      return `${line.slice(0, at)}${this.#fileName}:${lineNumber}:${column}${rest}`
    const source = resolve(dirname(this.#fileName), entry.originalSource)
    return `${line.slice(0, at)}${source}:${entry.originalLine + 1}:${entry.originalColumn + 1}${rest}`
  }
}

/** The lines after this one are frames of the engine. */
const BOUNDARY = '(<isolated-vm boundary>)'
/** Matches our own part in the positions of code that the script created from text. */
const EVAL_ORIGIN = /eval at \w+ \(siplet:script-realm:\d+:\d+\), /g
const PRELUDE_FRAME = /^\s+at .*\bsiplet:(prelude|script-realm)\b/
