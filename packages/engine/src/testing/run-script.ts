import type { EngineOptions, Logger } from '../config.ts'
import { createEngine } from '../engine.ts'
import type { ExecOptions } from '../exec-arguments.ts'
import type { ExecResult } from '../exec-result.ts'

export interface RunScriptOptions extends ExecOptions {
  /** The method called. Default: request_route for requests, onreply_route for replies. */
  method?: string
  /** What the script's call_function may call. */
  functions?: EngineOptions['functions']
  /** As in production: milliseconds, MiB. */
  limits?: EngineOptions['limits']
  /** The folder that the script may import files of; by default its own. */
  scriptRoot?: string
  modInitFunction?: string
  childInitMethod?: string
  /** Default: none; each result carries its own lines in `logs`. */
  logger?: Logger
}

/**
 * Runs messages through a script, in order, in one child of its own (rank 1), and ends it: state kept on the handler
 * object lasts from the first message to the last. Does not throw for what the method does: `result.error` tells.
 *
 * @param scriptName path of the script, relative to the working directory
 * @param messages one SIP message, or several, as {@link createTestMessage} makes them; a string is taken as UTF-8
 * @throws SipletError what createEngine throws for a script that does not come up
 */
export function runScript(
  scriptName: string,
  messages: Uint8Array | string,
  options?: RunScriptOptions,
): Promise<ExecResult>
export function runScript(
  scriptName: string,
  messages: readonly (Uint8Array | string)[],
  options?: RunScriptOptions,
): Promise<ExecResult[]>
export async function runScript(
  scriptName: string,
  messages: Uint8Array | string | readonly (Uint8Array | string)[],
  options: RunScriptOptions = {},
): Promise<ExecResult | ExecResult[]> {
  const {
    method,
    functions,
    limits,
    scriptRoot,
    modInitFunction,
    childInitMethod,
    logger = SILENT,
    ...exec
  } = options
  await using engine = await createEngine({
    scriptName,
    scriptRoot,
    functions,
    limits,
    modInitFunction,
    childInitMethod,
    logger,
    isolation: 'inline',
  })
  const run = (message: Uint8Array | string) => engine.exec(method ?? usualMethod(message), message, exec)
  if (typeof messages === 'string' || messages instanceof Uint8Array) return await run(messages)
  const results: ExecResult[] = []
  for (const message of messages) results.push(await run(message))
  return results
}

/** A status line begins with the SIP-Version (RFC 3261 section 7.2). */
function usualMethod(message: Uint8Array | string): string {
  const isReply = /^SIP\//i.test(Buffer.from(message).toString('latin1', 0, 4))
  return isReply ? 'onreply_route' : 'request_route'
}

const nothing = () => {}
const SILENT: Logger = { debug: nothing, info: nothing, warn: nothing, error: nothing, fatal: nothing }
