import type { ProxyFunction } from './proxy-function.ts'

/** append_hf(text): adds headers such as "P-Hint: outbound\r\n" after the last header. */
export const appendHf: ProxyFunction = (_call, message, [text, place]) => {
  if (place !== undefined)
    throw new Error('append_hf(): headers are added after the last one; remove the second argument')
  const lines = String(text)
    .split(/\r?\n/)
    .filter((line) => line !== '')
  const headers = lines.map(nameAndValue)
  if (headers.length === 0 || headers.some(([name]) => !/^\S+$/.test(name))) {
    throw new Error(`append_hf(): ${JSON.stringify(text)} is no header; write "Name: value"`)
  }
  message.appendHeaders(headers)
  return 1
}

/**
 * Splits a header at its colon. Not a single regular expression: that would take quadratic time for long runs of
 * spaces.
 */
function nameAndValue(line: string): [name: string, value: string] {
  const colon = line.indexOf(':')
  return colon === -1 ? ['', ''] : [line.slice(0, colon).trimEnd(), line.slice(colon + 1).trimStart()]
}

/** remove_hf(name): removes all headers of that name. Returns -1 if there is none. */
export const removeHf: ProxyFunction = (_call, message, [name]) =>
  message.removeHeader(String(name)) > 0 ? 1 : -1
