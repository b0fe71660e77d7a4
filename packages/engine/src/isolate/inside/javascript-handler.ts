/**
 * The prelude's side of a JavaScript script. It turns the primitives that come from the script's realm into outcomes
 * and errors.
 */
import { encodeUtf8 } from '@siplet/sipmsg'
import { LOG_LEVELS, type VerdictError } from '../../wire/verdict.ts'
import { runBatch, startListening, stopListening, writeLog } from './batch-runner.ts'
import type { CodeChecks } from './code-checks.ts'
import * as members from './message-members.ts'
import {
  failure,
  type InitResult,
  LIMIT_ERRORS,
  MAX_MESSAGE_LENGTH,
  MAX_STACK_LENGTH,
  refusal,
  STACK_OVERFLOW,
  SUCCESS,
} from './outcome.ts'
import { expectPromises, guardRejections, guardStep, promisesFromNowOn } from './rejection-guard.ts'
import type { Bridge, ScriptRealm } from './script-realm.ts'
import type { SIPMsg } from './sipmsg-proxy.ts'

/** Result of a step of the start of a child. */
export interface StepResult extends InitResult {
  methods: string[]
  asyncMethods: string[]
}

/** The parts of a script that the prelude can use. */
export interface ScriptAccess {
  /** Whether the text of the script can create promises (rejection-guard.ts). */
  mayPromise: boolean
  /** Name of the global that the loops of the script call, if the script has loops. */
  loopCheck: string | undefined
  /** Runs the top level of the script. */
  evaluate(): void
  /** Runs code-checks.ts. */
  codeChecks(): CodeChecks
}

let call: ScriptRealm['call']
const args: (string | number)[] = []
/** Result of the current step. */
let result: InitResult = SUCCESS
/** Why the current exec has no code. */
let error: VerdictError | undefined
const methods = new Set<string>()
const asyncMethods = new Set<string>()

/** Connects the script's realm to this one. */
export function connectRealm(realm: ScriptRealm, script: ScriptAccess): void {
  const { connect } = realm
  call = realm.call
  if (script.mayPromise) expectPromises()
  // The name is random, so no script can guess it and declare it first.
  const loopCheck = script.loopCheck ?? `__siplet_loop_${Math.random().toString(36).slice(2)}`
  connect(bridge(script, loopCheck), LOG_LEVELS.join(' '), !script.mayPromise, loopCheck)
}

/** See CallMethod of batch-runner.ts. */
export function callMethod(name: string, msg: SIPMsg, extra: string | null): number | VerdictError {
  error = undefined
  const code = call(name, members.rememberMessage(msg), extra)
  members.forgetMessages()
  if (typeof code === 'number') return code
  return error ?? refusal('ERR_SIPLET_SCRIPT', 'the script threw a value that cannot be read')
}

/** Returns the result of the last step as plain data, which is passed to the host. */
export function stepResult(): StepResult {
  return { ...result, methods: [...methods], asyncMethods: [...asyncMethods] }
}

function bridge({ evaluate, codeChecks }: ScriptAccess, loopCheck: string): Bridge {
  let checks: CodeChecks | undefined
  let codeFailure = ''
  const json = (list: readonly string[] | false): string | false => list && JSON.stringify(list)
  return {
    ...members,
    getHeaders: (number, name) => json(members.getHeaders(number, name)),
    headerNames: (number) => json(members.headerNames(number)),
    argument(place, value) {
      args[place] = value
    },
    callFunction: (number, name, count) => members.callFunction(number, name, args.slice(0, count)),
    log: (level, text) => writeLog(LOG_LEVELS[level]!, text),
    evaluate,
    runBatch(wait, batch) {
      guardRejections()
      runBatch(wait, batch)
    },
    beginStep() {
      guardStep()
      result = SUCCESS
      startListening()
    },
    endStep: stopListening,
    failed(message) {
      result = failure(message)
    },
    noMethod(name) {
      error = refusal('ERR_SIPLET_METHOD_NOT_FOUND', `the object of mod_init has no method ${name}`)
    },
    noCode(name, type) {
      error = refusal('ERR_SIPLET_RETURN_TYPE', `${name}() must return a 32-bit integer, not ${type}`)
    },
    threw(name, message = '', stack = '', code = '') {
      const limit = LIMIT_ERRORS.find((known) => known === code)
      const overflow = name === 'RangeError' && message === STACK_OVERFLOW
      thrown(
        limit ?? (overflow ? 'ERR_SIPLET_STACK' : 'ERR_SIPLET_SCRIPT'),
        name === undefined ? message : `${name.slice(0, MAX_MESSAGE_LENGTH)}: ${message}`,
        stack.slice(0, MAX_STACK_LENGTH),
      )
    },
    threwText(text) {
      thrown('ERR_SIPLET_SCRIPT', `the script threw ${JSON.stringify(text.slice(0, MAX_MESSAGE_LENGTH))}`, '')
    },
    method(name, isAsync) {
      if (methods.has(name)) return
      methods.add(name)
      if (isAsync) asyncMethods.add(name)
    },
    promises: promisesFromNowOn,
    checkCode(text) {
      checks ??= codeChecks()
      try {
        return checks.check(text, loopCheck)
      } catch (thrown) {
        if (!(thrown instanceof SyntaxError)) throw thrown
        codeFailure = thrown.message
        return false
      }
    },
    codeFailure: () => codeFailure,
  }
}

function thrown(code: VerdictError['code'], message: string, stack: string): void {
  const text = message.slice(0, MAX_MESSAGE_LENGTH)
  result = failure(text, stack)
  error = { code, message: encodeUtf8(text), stack: encodeUtf8(stack) }
}
