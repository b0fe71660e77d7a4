/**
 * What a script calls to log: LM_ALERT … LM_DBG as globals and on the OpenSIPS object (the Python module's name),
 * and the console mapped onto them.
 */
import { LOG_LEVELS, type LogLevel } from '../../wire/verdict.ts'
import type { ScriptRealm } from './script-realm.ts'

const CONSOLE: Record<string, LogLevel> = {
  error: 'ERR',
  warn: 'WARN',
  log: 'INFO',
  info: 'INFO',
  debug: 'DBG',
  trace: 'DBG',
}

/** Defines the globals in the script's realm; every line goes to `write` as UTF-16 text. */
export function defineOpenSIPSModule(
  realm: ScriptRealm,
  write: (level: LogLevel, text: string) => void,
): void {
  const logger =
    (level: LogLevel) =>
    (...args: unknown[]): void =>
      write(level, args.map(show).join(' '))
  for (const level of LOG_LEVELS) realm.define(`LM_${level}`, logger(level))
  realm.define(
    'OpenSIPS',
    realm.namespace(
      LOG_LEVELS.map((level) => `LM_${level}`),
      (name) => logger(name.slice('LM_'.length) as LogLevel),
    ),
  )
  realm.define(
    'console',
    realm.namespace(Object.keys(CONSOLE), (name) => logger(CONSOLE[name]!)),
  )
  realm.define('SIP_REQUEST', 'SIP_REQUEST')
  realm.define('SIP_REPLY', 'SIP_REPLY')
}

function show(value: unknown): string {
  if (typeof value === 'string') return value
  if (typeof value === 'bigint') return `${value}n`
  if (typeof value !== 'object' || value === null) return String(value)
  const stack = (value as { stack?: unknown }).stack
  if (typeof stack === 'string') return stack
  try {
    return JSON.stringify(value) ?? String(value)
  } catch {
    return Object.prototype.toString.call(value)
  }
}
