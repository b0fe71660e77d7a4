/** Engines around scripts that stand in the tests. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createEngine, type Engine, type EngineOptions, type Logger } from '@siplet/engine'

const folder = mkdtempSync(join(tmpdir(), 'siplet-test-'))
process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
let scripts = 0

/** Writes a script of that name (its extension decides its language) and returns its path. */
export function scriptFile(source: string, name = 'script.js'): string {
  const path = join(folder, `${++scripts}-${name}`)
  writeFileSync(path, source)
  return path
}

/** A folder of its own for a script and its modules. */
export function scriptFolder(): { folder: string; write(name: string, source: string): string } {
  const own = mkdtempSync(join(folder, 'modules-'))
  const write = (name: string, source: string) => {
    writeFileSync(join(own, name), source)
    return join(own, name)
  }
  return { folder: own, write }
}

/** A script whose object has these methods; `child_init` is there already, and keeps the rank. */
export function handler(methods: string): string {
  return `function mod_init() { return { child_init(rank) { this.rank = rank; return 0 }, ${methods} } }`
}

export interface LogRecord {
  level: string
  fields: Record<string, unknown>
  message: string
}

/** A logger that keeps what it is given. */
export function keepingLogger(): Logger & { records: LogRecord[] } {
  const records: LogRecord[] = []
  const take = (level: string) => (fields: object, message: string) => {
    records.push({ level, fields: { ...fields }, message })
  }
  return {
    records,
    debug: take('debug'),
    info: take('info'),
    warn: take('warn'),
    error: take('error'),
    fatal: take('fatal'),
  }
}

/** Runs `test` with an engine around the script, and closes the engine. Logs go nowhere by default. */
export async function withEngine<T>(
  source: string,
  options: Partial<EngineOptions>,
  test: (engine: Engine) => Promise<T>,
): Promise<T> {
  const scriptName = options.scriptName ?? scriptFile(source)
  await using engine = await createEngine({ logger: keepingLogger(), ...options, scriptName })
  return await test(engine)
}

export const ISOLATIONS = ['inline', 'thread', 'process'] as const
