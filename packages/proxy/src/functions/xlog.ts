import type { ProxyFunction } from './proxy-function.ts'

/** xlog([level], text): logs a line. Levels are L_ALERT to L_DBG; the default is L_ERR, as in OpenSIPS. */
export const xlog: ProxyFunction = (call, _message, args, host) => {
  const [level, text] = args.length > 1 ? args : ['L_ERR', args[0]]
  host.xlog(String(level), String(text ?? ''), call)
  return 1
}
