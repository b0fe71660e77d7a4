/**
 * The functions of message-members.ts for siplet_child.py, which builds its SIPMsg on them. They accept any value
 * that a script makes Python pass. They never throw, because an exception would leave the interpreter in an
 * inconsistent state.
 */
import { MAX_FUNCTION_ARGUMENTS } from '../../../wire/function-call.ts'
import * as members from '../message-members.ts'
import type { HostFunction } from './function-table.ts'
import { type FromPython, RawBytes, type ToPython } from './values.ts'

/** Entries of the list that the last list member returned (see `item`). */
let items: readonly string[] = []

export const MESSAGE_FUNCTIONS: Readonly<Record<string, HostFunction>> = {
  property: (number, index) => {
    const at = place(index, members.PROPERTIES.length)
    return at === -1 ? null : members.property(known(number), at)
  },
  src_address: address(members.sourceIp, members.sourcePort),
  dst_address: address(members.destinationIp, members.destinationPort),
  raw: (number) => bytes(members.property(known(number), members.PROPERTIES.indexOf('raw'))),
  copy: (number) => members.copy(known(number)),
  rewrite_ruri: one('rewrite_ruri', members.rewriteRuri),
  set_dst_uri: one('set_dst_uri', members.setDstUri),
  getHeader: one('getHeader', members.getHeader),
  getHeaderBytes: one('getHeaderBytes', (number, name) => bytes(members.getHeaderBytes(number, name))),
  getHeaders: one('getHeaders', (number, name) => list(members.getHeaders(number, name))),
  headerNames: (number) => list(members.headerNames(known(number))),
  setHeader: two('setHeader', members.setHeader),
  appendHeader: two('appendHeader', members.appendHeader),
  removeHeader: one('removeHeader', members.removeHeader),
  setBody: two('setBody', members.setBody),
  call_function: (number, ...args) => {
    const [name] = args
    const wrong = typeof name === 'string' ? args.findIndex((value) => !isFunctionArgument(value)) : 0
    if (wrong !== -1 || args.length > MAX_FUNCTION_ARGUMENTS + 1) {
      const type = typeOf(args[wrong]!)
      return members.misuseCall(known(number), args.length, wrong, wrong > 0 ? String(name) : '', type)
    }
    return members.callFunction(known(number), name as string, args.slice(1) as (string | number)[])
  },
  get_pseudoVar: one('get_pseudoVar', members.getPseudoVar),
  set_pseudoVar: two('set_pseudoVar', members.setPseudoVar),
  /** Returns an entry of the list whose length getHeaders or headerNames returned. */
  item: (index) => items[place(index, items.length)] ?? null,
  failureCode: members.failureCode,
  failureText: members.failureText,
}

/** Called when the exec has ended. */
export function forgetItems(): void {
  items = []
}

/** Returns the number of a message, or -1, which no message has. */
function known(number: FromPython | undefined): number {
  return typeof number === 'number' ? number : -1
}

/** Returns a valid index of a list with this length, or -1. */
export function place(index: FromPython | undefined, length: number): number {
  return typeof index === 'number' && Number.isInteger(index) && index >= 0 && index < length ? index : -1
}

function one(name: string, act: (number: number, only: string) => ToPython): HostFunction {
  return (number, ...args) => {
    const [only] = args
    if (args.length === 1 && typeof only === 'string') return act(known(number), only)
    return misuse(name, known(number), args)
  }
}

function two(name: string, act: (number: number, first: string, second: string) => ToPython): HostFunction {
  return (number, ...args) => {
    const [first, second] = args
    if (args.length === 2 && typeof first === 'string' && typeof second === 'string') {
      return act(known(number), first, second)
    }
    return misuse(name, known(number), args)
  }
}

/** Throws for wrong arguments. siplet_child.py passes the type, because it knows the types of Python. */
function misuse(name: string, number: number, args: readonly FromPython[]): ToPython {
  const wrong = args.findIndex((value) => typeof value !== 'string')
  return members.misuse(number, name, args.length, Math.max(wrong, 0), wrong < 0 ? '' : typeOf(args[wrong]!))
}

function address(readIp: typeof members.sourceIp, readPort: typeof members.sourcePort): HostFunction {
  return (number) => {
    const ip = readIp(known(number))
    return ip === false ? false : `${ip} ${readPort(known(number))}`
  }
}

function isFunctionArgument(value: FromPython): boolean {
  return typeof value === 'string' || (typeof value === 'number' && Number.isFinite(value))
}

function typeOf(value: FromPython | undefined): string {
  return value === null ? 'null' : typeof value === 'symbol' ? 'object' : typeof value
}

function bytes(text: string | null | false): ToPython {
  return typeof text === 'string' ? new RawBytes(text) : text
}

function list(values: readonly string[] | false): number | false {
  if (values === false) return false
  items = values
  return values.length
}
