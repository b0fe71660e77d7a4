/**
 * The SIPMsg objects of the exec under way, as functions that siplet_child.py builds its SIPMsg on. Python knows a
 * message by a number. A function that fails returns false, which nothing else does; `failure` tells why.
 */
import type { SIPMsg } from '../sipmsg-proxy.ts'
import type { HostFunction } from './function-table.ts'
import { type FromPython, OTHER, RAISED, RawBytes, type ToPython } from './values.ts'

/** An error of a member of SIPMsg, on its way to Python. */
export class MemberError extends Error {
  readonly code: string

  constructor(code: string, message: string) {
    super(message)
    this.code = code
  }
}

/** Members that are read without arguments; Python asks by their place in this list. */
const PROPERTIES = [
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
] as const satisfies readonly (keyof SIPMsg)[]

const messages = new Map<number, SIPMsg>()
let lastNumber = 0
let failure: MemberError | undefined
let items: readonly string[] = []

/** Numbers a message. It is known by that until {@link forgetMessages}. */
export function rememberMessage(msg: SIPMsg): number {
  lastNumber = (lastNumber + 1) % 2 ** 30
  messages.set(lastNumber, msg)
  return lastNumber
}

/** The exec ended: its message and all copies of it are stale. */
export function forgetMessages(): void {
  messages.clear()
  failure = undefined
  items = []
}

/** The error of the last member that failed in this exec. */
export function lastFailure(): MemberError | undefined {
  return failure
}

export const MESSAGE_FUNCTIONS: Readonly<Record<string, HostFunction>> = {
  property: member((msg, index) => msg[PROPERTIES[index as number]!]),
  src_address: member((msg) => msg.src_address.join(' ')),
  dst_address: member((msg) => msg.dst_address.join(' ')),
  raw: member((msg) => new RawBytes(msg.raw)),
  copy: member((msg) => rememberMessage(msg.copy())),
  rewrite_ruri: member((msg, ...args) => done(msg.rewrite_ruri(...args))),
  set_dst_uri: member((msg, ...args) => done(msg.set_dst_uri(...args))),
  getHeader: member((msg, ...args) => msg.getHeader(...args)),
  getHeaderBytes: member((msg, ...args) => {
    const value = msg.getHeaderBytes(...args)
    return value === null ? null : new RawBytes(value)
  }),
  getHeaders: member((msg, ...args) => list(msg.getHeaders(...args))),
  headerNames: member((msg) => list(msg.headerNames())),
  setHeader: member((msg, ...args) => done(msg.setHeader(...args))),
  appendHeader: member((msg, ...args) => done(msg.appendHeader(...args))),
  removeHeader: member((msg, ...args) => msg.removeHeader(...args)),
  setBody: member((msg, ...args) => done(msg.setBody(...args))),
  call_function: member((msg, ...args) => msg.call_function(...args)),
  get_pseudoVar: member((msg, ...args) => msg.get_pseudoVar(...args)),
  set_pseudoVar: member((msg, ...args) => done(msg.set_pseudoVar(...args))),
  /** An entry of what getHeaders or headerNames returned the number of. */
  item: (index) => items[index as number] ?? null,
  failureCode: () => failure?.code ?? null,
  failureText: () => failure?.message ?? null,
}

function member(act: (msg: SIPMsg, ...args: FromPython[]) => ToPython): HostFunction {
  return (number, ...args) => {
    try {
      const msg = messages.get(number as number)
      if (msg === undefined) throw new MemberError(STALE_CODE, STALE)
      return act(msg, ...args.map((arg) => (arg === OTHER || arg === RAISED ? {} : arg) as FromPython))
    } catch (error) {
      if (!(error instanceof MemberError)) throw error
      failure = error
      return false
    }
  }
}

function list(values: readonly string[]): number {
  items = values
  return values.length
}

/** None, for a member that returns nothing. */
function done(_nothing: unknown): null {
  return null
}

const STALE_CODE = 'ERR_SIPLET_STALE_MESSAGE'
const STALE = 'the message is no longer there, its exec has ended; keep what you read of it, not the message'
