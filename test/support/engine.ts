/** Engines for scripts that are written inside tests. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createEngine, type Engine, type EngineOptions, type Logger } from '@siplet/engine'

const folder = mkdtempSync(join(tmpdir(), 'siplet-test-'))
process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
let scripts = 0

/** Writes a script with that name (its extension decides its language) and returns its path. */
export function scriptFile(source: string, name = 'script.js'): string {
  const path = join(folder, `${++scripts}-${name}`)
  writeFileSync(path, source)
  return path
}

/** Creates a folder for a script and its modules. */
export function scriptFolder(): { folder: string; write(name: string, source: string): string } {
  const own = mkdtempSync(join(folder, 'modules-'))
  const write = (name: string, source: string) => {
    writeFileSync(join(own, name), source)
    return join(own, name)
  }
  return { folder: own, write }
}

/** Returns a script whose object has these methods. `child_init` exists already and stores the rank. */
export function handler(methods: string): string {
  return `function mod_init() { return { child_init(rank) { this.rank = rank; return 0 }, ${methods} } }`
}

export interface LogRecord {
  level: string
  fields: Record<string, unknown>
  message: string
}

/** Returns a logger that keeps its records. */
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

/** Runs `test` with an engine for the script, and closes the engine. By default, logs are discarded. */
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
