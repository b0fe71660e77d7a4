/// <reference path="./py-files.d.ts" />
/** The script's side of an isolate for Python: the interpreter, with siplet_child.py in it. */
import { encodeUtf8 } from '@siplet/sipmsg'
import { LOG_LEVELS, type VerdictError } from '../../../wire/verdict.ts'
import { IsolateEnd, startListening, stopListening, writeLog } from '../batch-runner.ts'
import { forgetMessages, lastFailure, rememberMessage } from '../message-members.ts'
import {
  failure,
  type InitResult,
  LIMIT_ERRORS,
  MAX_MESSAGE_LENGTH,
  MAX_STACK_LENGTH,
  refusal,
  SUCCESS,
  STACK_OVERFLOW as V8_STACK_OVERFLOW,
} from '../outcome.ts'
import type { SIPMsg } from '../sipmsg-proxy.ts'
import { clearerLoadFailure } from './load-failure.ts'
import { forgetItems, MESSAGE_FUNCTIONS, place } from './messages.ts'
import { MicroPython, type PythonFunction } from './micropython.ts'
import OPENSIPS from './OpenSIPS.py'
import { printer } from './printer.ts'
import CHILD from './siplet_child.py'
import { type FromPython, RAISED } from './values.ts'
import type { WasmModule } from './webassembly.ts'

/** Our own modules. The interpreter finds them on its default path. Their frames are removed from stacks. */
const OWN_FILES = { '/lib/OpenSIPS.py': OPENSIPS, '/lib/siplet_child.py': CHILD }
const FUNCTIONS = ['load', 'init_module', 'init_child', 'methods', 'async_methods', 'call'] as const

let sources: Readonly<Record<string, string>>
let python: MicroPython
let child: Record<(typeof FUNCTIONS)[number], PythonFunction>

/**
 * Starts the interpreter.
 *
 * @param files texts of the script and of its imports, by absolute path
 * @param memoryLimit maximum memory of the interpreter, in bytes
 */
export function startPython(
  module: WasmModule,
  files: Readonly<Record<string, string>>,
  memoryLimit: number,
): void {
  sources = files
  python = new MicroPython(module, {
    files: { ...files, ...OWN_FILES },
    moduleName: '_siplet',
    functions: {
      ...MESSAGE_FUNCTIONS,
      log: (level, text) => {
        if (typeof text === 'string') writeLog(LOG_LEVELS[place(level, LOG_LEVELS.length)] ?? 'INFO', text)
        return null
      },
    },
    write: printer(writeLog),
    memoryLimit,
  })
  child = python.importFunctions('siplet_child', FUNCTIONS)
}

/** Returns the size of the interpreter's memory in bytes. */
export function memoryBytes(): number {
  return python.memorySize
}

/** Runs the top level of the script. */
export function loadModule(path: string, name: string): InitResult {
  return clearerLoadFailure(
    initialised(() => child.load(path, name)),
    sources,
  )
}

export function initModule(name: string): InitResult {
  return initialised(() => child.init_module(name))
}

export function initChild(name: string, rank: number): InitResult {
  return initialised(() => child.init_child(name, rank))
}

/**
 * Returns the names of the methods that exec can call, in alphabetical order, because Python keeps no other order.
 */
export function methods(): string[] {
  return names(child.methods())
}

/** Returns the names of those methods that return a generator instead of an integer: `async def`, or with `yield`. */
export function asyncMethods(): string[] {
  return names(child.async_methods())
}

/** See CallMethod of batch-runner.ts. */
export function callMethod(name: string, msg: SIPMsg, extra: string | null): number | VerdictError {
  try {
    const answer = child.call(name, rememberMessage(msg), extra)
    if (typeof answer === 'number' && answer === (answer | 0)) return answer
    return verdictError(answer)
  } catch (thrown) {
    throw asEnd(thrown)
  } finally {
    forgetMessages()
    forgetItems()
  }
}

function names(answer: FromPython): string[] {
  return typeof answer === 'string' && answer !== '' ? answer.split('\0') : []
}

function verdictError(answer: FromPython): VerdictError {
  const { code, message, stack } = parts(answer)
  if (code === 'ERR_SIPLET_METHOD_NOT_FOUND' || code === 'ERR_SIPLET_RETURN_TYPE')
    return refusal(code, message)
  return { code: ownCode(message), message: encodeUtf8(message), stack: encodeUtf8(stack) }
}

function ownCode(message: string): VerdictError['code'] {
  if (message.includes(STACK_OVERFLOW)) return 'ERR_SIPLET_STACK'
  const last = lastFailure()
  const limit = LIMIT_ERRORS.find((code) => code === last?.code)
  return limit !== undefined && message.endsWith(last!.message) ? limit : 'ERR_SIPLET_SCRIPT'
}

/** The message that MicroPython uses. */
const STACK_OVERFLOW = 'maximum recursion depth exceeded'

function initialised(init: () => FromPython): InitResult {
  try {
    startListening()
    const answer = init()
    stopListening()
    if (answer === null) return SUCCESS
    const { message, stack } = parts(answer)
    return failure(message, stack)
  } catch (thrown) {
    throw asEnd(thrown)
  }
}

/**
 * A JavaScript exception that leaves the interpreter also leaves it in an inconsistent state, so its child ends. A
 * script can cause this, because `uctypes` lets it write anywhere into the interpreter's memory. The exec gets the
 * error.
 */
function asEnd(thrown: unknown): unknown {
  if (thrown instanceof IsolateEnd) return thrown
  const text = thrown instanceof Error ? thrown.message : 'an exception that nothing caught'
  if (thrown instanceof RangeError && text === V8_STACK_OVERFLOW) {
    return new IsolateEnd(text, refusal('ERR_SIPLET_STACK', `RuntimeError: ${STACK_OVERFLOW}`))
  }
  return new IsolateEnd(text, refusal('ERR_SIPLET_SCRIPT', `the script broke its interpreter: ${text}`))
}

/** Splits a text from siplet_child.py into code, message and traceback. */
function parts(answer: FromPython): { code: string; message: string; stack: string } {
  if (typeof answer !== 'string') {
    const what =
      answer === RAISED ? 'an exception while its error was described' : 'an answer nobody asked for'
    return { code: 'ERR_SIPLET_SCRIPT', message: `the script ended with ${what}`, stack: '' }
  }
  const [code = '', message = '', trace = ''] = answer.split('\0')
  return {
    code,
    message: message.slice(0, MAX_MESSAGE_LENGTH),
    stack: withoutOwnFrames(trace).slice(0, MAX_STACK_LENGTH),
  }
}

const OWN_FRAMES = Object.keys(OWN_FILES).map((path) => `  File "${path}"`)

/** Removes our own frames from a traceback. Only the first few frames of a recursion are kept. */
function withoutOwnFrames(trace: string): string {
  let same = 0
  const lines = trace.split('\n').filter((line, index, all) => {
    same = line === all[index - 1] ? same + 1 : 0
    return same < MAX_SAME_FRAMES && !OWN_FRAMES.some((frame) => line.startsWith(frame))
  })
  return lines.join('\n').trimEnd()
}

const MAX_SAME_FRAMES = 3
