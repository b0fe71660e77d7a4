/** Explains why a Python script could not be loaded: names the line and, if possible, the remedy. */
import type { InitResult } from '../outcome.ts'

/** Improves the failure of a top level if the cause is a syntax error or a missing module. */
export function clearerLoadFailure(failed: InitResult, files: Readonly<Record<string, string>>): InitResult {
  const place = [...failed.stack.matchAll(PLACE)].at(-1)
  if (failed.ok || place === undefined) return failed
  const [, file, number] = place
  const line = files[file!]?.split('\n')[Number(number) - 1] ?? ''
  const described = (text: string) => `script ${file}:${number}: ${text}\n${number!.padStart(5)} │ ${line}`
  if (failed.message.startsWith('SyntaxError')) {
    const hint = PYTHON_2.find(([pattern]) => pattern.test(line.slice(0, MAX_HINTED)))?.[1]
    const text = failed.message.slice('SyntaxError: '.length)
    const message = described(hint === undefined ? text : `${text}: this is Python 2; ${hint}`)
    return { ...failed, code: 'ERR_SIPLET_SCRIPT_SYNTAX', message }
  }
  const missing = MISSING_MODULE.exec(failed.message)?.[1]
  if (missing === undefined) return failed
  const text =
    missing === 'KSR'
      ? "no module KSR, which is Kamailio's: docs/migrating-from-opensips.md of siplet says what stands here for its functions"
      : `no module ${missing}: it is neither beside the script nor in MicroPython; an isolate has no threads, ` +
        'no sockets and no processes: let the embedder offer a function and use call_function'
  return { ...failed, code: 'ERR_SIPLET_SCRIPT_IMPORT', message: described(text) }
}

const PLACE = /^ {2}File "(.+)", line (\d+)/gm
/**
 * Maximum number of characters of a line that are searched for hints, because the patterns need more than linear
 * time.
 */
const MAX_HINTED = 500
const MISSING_MODULE = /^ImportError: no module named '(.+)'$/

/** Mistakes for which MicroPython only reports "invalid syntax". */
const PYTHON_2: readonly [pattern: RegExp, hint: string][] = [
  [/^\s*print\s+[^(\s=]|^\s*print\s*$/, 'write print(…)'],
  [/\bexcept\s+[\w.()\s,]+,\s*\w+\s*:/, 'write except Name as error:'],
  [/\braise\s+[\w.]+\s*,/, 'write raise Name(text)'],
  [/^\s*exec\s+[^(\s]/, 'write exec(…)'],
  [/<>/, 'write !='],
  [/`[^`]*`/, 'write repr(…)'],
  [/\b\d+[lL]\b/, 'write the number without L'],
  [/(^|[^\w.])0[0-7]+\b/, 'write octal numbers as 0o777'],
  [/\b[uU][rR]['"]/, "write r'…'"],
]
