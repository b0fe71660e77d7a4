/** Rules for every result of the engine, whatever the script did. */
import { ERRORS, type ExecResult } from '@siplet/engine'

const HEADER = /^[A-Za-z0-9\-.!%*_+`'~]+[ \t]*:/

/** Returns what is wrong with the result; null if nothing is. */
export function flawOf(result: ExecResult, requestLine: RegExp): string | null {
  const { code, error, dstUri, child } = result
  if (!Number.isInteger(code) || code !== (code | 0)) return `the code is ${code}`
  if (error !== null && (code !== -1 || !(error.code in ERRORS)))
    return `code ${code} with error ${error.code}`
  if (dstUri !== null && (typeof dstUri !== 'string' || hasControls(dstUri))) return 'a forged dst URI'
  if (!Number.isInteger(child)) return `the child is ${child}`
  const text = result.message.toBuffer().toString('latin1')
  const end = text.indexOf('\r\n\r\n')
  if (end === -1) return 'a message whose headers do not end'
  const [first, ...lines] = text.slice(0, end).split('\r\n')
  if (!requestLine.test(first!)) return `a forged start line: ${JSON.stringify(first)}`
  let length: number | undefined
  for (const line of lines) {
    if (hasControls(line)) return `a control character in ${JSON.stringify(line)}`
    if (!HEADER.test(line) && !/^[ \t]/.test(line)) return `a line that is no header: ${JSON.stringify(line)}`
    const [, value] = /^(?:content-length|l)[ \t]*:[ \t]*(.*)$/i.exec(line) ?? []
    if (value === undefined) continue
    if (length !== undefined) return 'two Content-Length headers'
    length = Number(value)
  }
  const bytes = text.length - end - 4
  return length === bytes ? null : `Content-Length ${length} before ${bytes} bytes`
}

function hasControls(text: string): boolean {
  return /[\0\r\n]/.test(text)
}
