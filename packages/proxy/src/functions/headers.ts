import type { ProxyFunction } from './functions.ts'

/** append_hf(text): headers such as "P-Hint: outbound\r\n", behind the last one. */
export const appendHf: ProxyFunction = (_call, message, [text, place]) => {
  if (place !== undefined)
    throw new Error('append_hf(): headers go behind the last one: give no second argument')
  const lines = String(text)
    .split(/\r?\n/)
    .filter((line) => line !== '')
  const headers = lines.map((line) => /^([^\s:]+)\s*:\s*(.*)$/.exec(line))
  if (headers.length === 0 || headers.includes(null)) {
    throw new Error(`append_hf(): ${JSON.stringify(text)} is no header; write "Name: value"`)
  }
  for (const header of headers) message.appendHeader(header![1]!, header![2]!)
  return 1
}

/** remove_hf(name): all headers of that name; -1 where there is none. */
export const removeHf: ProxyFunction = (_call, message, [name]) =>
  message.removeHeader(String(name)) > 0 ? 1 : -1
