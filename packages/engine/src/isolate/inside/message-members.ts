/**
 * The messages of the current exec, as functions that take and return primitives only. The SIPMsg of a script is made
 * of these functions: by script-realm.ts for JavaScript, by siplet_child.py for Python. A script refers to a message
 * by a number. A function that fails returns false, which has no other meaning; {@link lastFailure} returns the
 * reason.
 */

import { SIPMessageError } from '@siplet/sipmsg'
import { MAX_FUNCTION_ARGUMENTS } from '../../wire/function-call.ts'
import { MemberError, type SIPMsg } from './sipmsg-proxy.ts'

/** Members that are read without arguments. A script passes the index in this list. */
export const PROPERTIES = [
  'Type',
  'Method',
  'Status',
  'Reason',
  'RURI',
  'originalRURI',
  'Route',
  'dst_uri',
  'CallID',
  'CSeq',
  'CSeqMethod',
  'FromURI',
  'FromTag',
  'ToURI',
  'ToTag',
  'body',
  'raw',
] as const satisfies readonly (keyof SIPMsg)[]

/** Parameter names of the members that take strings, and the members that are for requests only. */
const PARAMETERS: Readonly<Record<string, readonly string[]>> = {
  rewrite_ruri: ['uri'],
  set_dst_uri: ['uri'],
  getHeader: ['name'],
  getHeaderBytes: ['name'],
  getHeaders: ['name'],
  setHeader: ['name', 'value'],
  appendHeader: ['name', 'value'],
  removeHeader: ['name'],
  setBody: ['text', 'contentType'],
  get_pseudoVar: ['name'],
  set_pseudoVar: ['name', 'value'],
}
const REQUESTS_ONLY = ['rewrite_ruri', 'set_dst_uri']

/** The message of the current exec. Most execs have no other message. */
let current: SIPMsg | undefined
let currentNumber = 0
const copies = new Map<number, SIPMsg>()
let lastNumber = 0
let failure: { code: string; message: string } | undefined

/** Assigns a number to the message of an exec. The number is valid until {@link forgetMessages}. */
export function rememberMessage(msg: SIPMsg): number {
  currentNumber = nextNumber()
  current = msg
  return currentNumber
}

/** Ends the exec: its message and all copies of the message become stale. */
export function forgetMessages(): void {
  current = undefined
  failure = undefined
  if (copies.size > 0) copies.clear()
}

/** Returns the error of the last member that failed in this exec. */
export function lastFailure(): { readonly code: string; readonly message: string } | undefined {
  return failure
}

export const failureCode = (): string => failure?.code ?? ''
export const failureText = (): string => failure?.message ?? ''

export const property = member((msg, index: number) => msg[PROPERTIES[index]!])
export const sourceIp = member((msg) => msg.src_address[0])
export const sourcePort = member((msg) => msg.src_address[1])
export const destinationIp = member((msg) => msg.dst_address[0])
export const destinationPort = member((msg) => msg.dst_address[1])
export const copy = member((msg) => {
  const number = nextNumber()
  copies.set(number, msg.copy())
  return number
})
export const rewriteRuri = member((msg, uri: string) => done(msg.rewrite_ruri(uri)))
export const setDstUri = member((msg, uri: string) => done(msg.set_dst_uri(uri)))
export const getHeader = member((msg, name: string) => msg.getHeader(name))
export const getHeaderBytes = member((msg, name: string) => msg.getHeaderBytes(name))
export const getHeaders = member((msg, name: string) => msg.getHeaders(name))
export const headerNames = member((msg) => msg.headerNames())
export const setHeader = member((msg, name: string, value: string) => done(msg.setHeader(name, value)))
export const appendHeader = member((msg, name: string, value: string) => done(msg.appendHeader(name, value)))
export const removeHeader = member((msg, name: string) => msg.removeHeader(name))
export const setBody = member((msg, text: string, type: string) => done(msg.setBody(text, type)))
export const getPseudoVar = member((msg, name: string) => msg.get_pseudoVar(name))
export const setPseudoVar = member((msg, name: string, value: string) => done(msg.set_pseudoVar(name, value)))
export const callFunction = member((msg, name: string, args: (string | number)[]) =>
  msg.call_function(name, args),
)

/**
 * Throws the error that a member throws for wrong arguments.
 *
 * @param count number of arguments
 * @param place index of the first argument of a wrong type
 * @param type type of that argument
 */
export const misuse = member((msg, name: string, count: number, place: number, type: string): null => {
  // Same order as in the OpenSIPS module: the type of the message is checked before the types of the arguments.
  if (REQUESTS_ONLY.includes(name)) msg.requireRequest(`${name}()`)
  const names = PARAMETERS[name]!
  if (count !== names.length) {
    const plural = names.length === 1 ? '' : 's'
    throw misused(`${name}(${names.join(', ')}) takes ${names.length} argument${plural}, not ${count}`)
  }
  throw misused(`${name}(): ${names[place]} must be a string, not ${type}`)
})

/** Throws the error of call_function for wrong arguments. `place` 0 is the name of the function. */
export const misuseCall = member((_msg, count: number, place: number, name: string, type: string): null => {
  if (count < 1 || count > MAX_FUNCTION_ARGUMENTS + 1) {
    throw misused(
      `call_function() should have from 1 to ${MAX_FUNCTION_ARGUMENTS + 1} arguments, not ${count}`,
    )
  }
  throw misused(
    place === 0
      ? `call_function(): name must be a string, not ${type}`
      : `call_function(): argument ${place} of ${name} must be a string or a finite number, not ${type}`,
  )
})

function misused(text: string): MemberError {
  return new MemberError('ERR_SIPLET_ARGUMENTS', text)
}

/** Wraps `act` so that it receives the message with the given number. */
function member<Args extends [unknown?, unknown?, unknown?, unknown?], Result>(
  act: (msg: SIPMsg, ...args: Args) => Result,
): (number: number, ...args: Args) => Result | false
function member<Result>(act: (msg: SIPMsg, a: never, b: never, c: never, d: never) => Result) {
  // The parameters are listed one by one, because every member uses this path and a rest array would be slower.
  return (number: number, a: never, b: never, c: never, d: never): Result | false => {
    try {
      const msg = number === currentNumber ? current : copies.get(number)
      if (msg === undefined) throw new MemberError('ERR_SIPLET_STALE_MESSAGE', STALE)
      return act(msg, a, b, c, d)
    } catch (error) {
      if (!(error instanceof MemberError || error instanceof SIPMessageError)) throw error
      failure = error
      return false
    }
  }
}

const STALE = 'the message is no longer there, its exec has ended; keep what you read of it, not the message'

/**
 * Range of the numbers, which is what Python accepts. At 2,000 messages per second, a number is reused after 140
 * hours.
 */
const NUMBERS = 2 ** 30

function nextNumber(): number {
  lastNumber = (lastNumber + 1) % NUMBERS
  return lastNumber
}

/** For members that return nothing. */
function done(_nothing: unknown): null {
  return null
}
