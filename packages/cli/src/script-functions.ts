/** Functions that a script under test may call with call_function, and the engine that runs the script. */
import { stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { createEngine, type EmbedderFunction, type Engine, type EngineOptions } from '@siplet/engine'
import { rehearsalFunctions } from '@siplet/proxy'
import type { Command } from 'commander'
import { CLIError } from './errors.ts'
import { engineOptions, type PoolOptions, type ScriptOptions } from './options.ts'

export interface FunctionOptions {
  functions?: string
}

/** Context of an exec: the function calls of the script, in order, as texts. */
export type FunctionCalls = string[]

export function withFunctions(command: Command): Command {
  return command.option(
    '--functions <file>',
    'a module (.js .mjs .ts) whose exports the script may call with call_function, in addition to the functions of siplet serve; the module is trusted and runs outside the isolates',
  )
}

/**
 * Starts an engine for these options. It offers the functions of the proxy, which send nothing here, and those of
 * `--functions`. The context of each exec must be a FunctionCalls of its own.
 *
 * @throws CLIError ERR_SIPLET_FUNCTIONS; SipletError of createEngine
 */
export async function startEngine(
  options: ScriptOptions & FunctionOptions,
  pool?: PoolOptions,
  more: Pick<EngineOptions, 'inspect'> = {},
): Promise<Engine> {
  const own = options.functions === undefined ? {} : await exportedFunctions(options.functions)
  const base = engineOptions(options, pool)
  let engine: Engine | undefined
  const hasMethod = (name: string) => engine?.methods.includes(name) ?? false
  const functions = { ...rehearsalFunctions({ hasMethod, logger: base.logger }), ...own }
  engine = await createEngine({ ...base, ...more, functions: noting(functions) })
  return engine
}

async function exportedFunctions(file: string): Promise<Record<string, EmbedderFunction>> {
  const url = pathToFileURL(resolve(file))
  let exports: Record<string, unknown>
  try {
    // Each version of the file is a separate module, so --watch runs the latest version.
    url.search = String((await stat(url)).mtimeMs)
    exports = await import(url.href)
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    const reason = code === 'ENOENT' ? 'there is no such file' : message
    throw new CLIError('ERR_SIPLET_FUNCTIONS', `functions ${file} cannot be loaded: ${reason}`, { cause })
  }
  const found = Object.entries(exports).filter(([, value]) => typeof value === 'function')
  if (found.length > 0) return Object.fromEntries(found) as Record<string, EmbedderFunction>
  throw new CLIError(
    'ERR_SIPLET_FUNCTIONS',
    `functions ${file} exports no function: write one such as export function lookup(msg, user) { return 1 }`,
  )
}

/** Returns the same functions, with every call recorded in the context of its exec. */
function noting(functions: Record<string, EmbedderFunction>): Record<string, EmbedderFunction> {
  return Object.fromEntries(
    Object.entries(functions).map(([name, act]) => {
      const noted: EmbedderFunction = (message, ...args) => {
        const calls = message.context as FunctionCalls
        const at = calls.push(`${name}(${args.map((arg) => JSON.stringify(arg)).join(', ')})`) - 1
        const returned = (code: number | boolean) => {
          calls[at] += ` returned ${Number(code)}`
          return code
        }
        const failed = (error: unknown) => {
          calls[at] += ` failed: ${error instanceof Error ? error.message : error}`
          throw error
        }
        try {
          const result = act(message, ...args)
          return result instanceof Promise ? result.then(returned, failed) : returned(result as number)
        } catch (error) {
          return failed(error)
        }
      }
      return [name, noted]
    }),
  )
}
