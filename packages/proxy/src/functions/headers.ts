import type { ProxyFunction } from './functions.ts'

/** append_hf(text): headers such as "P-Hint: outbound\r\n", behind the last one. */
export const appendHf: ProxyFunction = (_call, message, [text, place]) => {
  if (place !== undefined)
    throw new Error('append_hf(): headers go behind the last one: give no second argument')
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

/** Splits a header at its colon. Not one regular expression: with spaces and values of a script, it takes quadratic time. */
function nameAndValue(line: string): [name: string, value: string] {
  const colon = line.indexOf(':')
  return colon === -1 ? ['', ''] : [line.slice(0, colon).trimEnd(), line.slice(colon + 1).trimStart()]
}

/** remove_hf(name): all headers of that name; -1 where there is none. */
export const removeHf: ProxyFunction = (_call, message, [name]) =>
  message.removeHeader(String(name)) > 0 ? 1 : -1
