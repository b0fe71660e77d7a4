import type { EngineOptions, Logger } from '../config.ts'
import { createEngine } from '../engine.ts'
import type { ExecOptions } from '../exec-arguments.ts'
import type { ExecResult } from '../exec-result.ts'

export interface RunScriptOptions extends ExecOptions {
  /** Method to call. Default: request_route for requests, onreply_route for replies. */
  method?: string
  /** Functions that the script can call with call_function. */
  functions?: EngineOptions['functions']
  /** Limits as in production, in milliseconds and MiB. */
  limits?: EngineOptions['limits']
  /** Folder from which the script may import files. Default: the script's own folder. */
  scriptRoot?: string
  modInitFunction?: string
  childInitMethod?: string
  /** Logger for the script's log lines. Default: none; each result contains its own lines in `logs`. */
  logger?: Logger
}

/**
 * Runs messages through a script, in order. The script gets one child (rank 1), which ends afterwards. State on the
 * handler object lasts from the first message to the last. Does not throw because of a method: `result.error`
 * describes the failure.
 *
 * @param scriptName path of the script, relative to the working directory
 * @param messages one SIP message or several, for example from {@link createTestMessage}; a string is encoded as
 *   UTF-8
 * @throws SipletError any error that createEngine throws for a script that does not start
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
