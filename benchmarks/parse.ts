/**
 * Measures parsing against the SIP parsers on npm, with two amounts of work: lazy (the method, the Request-URI or
 * status, and From), and full (every header by its grammar). An eager parser does all of its work in both. Buffers, 256
 * in turn, are decoded as part of the work, as they arrive from a socket.
 */
import { createRequire } from 'node:module'
import { SIPMessage } from '@siplet/sipmsg'
import { compare } from '../packages/cli/src/bench/compare.ts'
import type { Figures } from '../packages/cli/src/bench/figures.ts'
import { INVITE, LONG_INVITE, OK } from './support/messages.ts'

const require = createRequire(import.meta.url)
const BUFFERS = 256
const SLOW_BUFFERS = 4

interface Parser {
  name: string
  /** So slow that it gets few messages per turn. */
  slow?: boolean
  lazy(bytes: Buffer): unknown
  full(bytes: Buffer): unknown
}

/** Result of parsers that are built from a PEG grammar. */
interface HeaderObject {
  method: string
  ruri?: unknown
  headers: Record<string, unknown[]>
  from: unknown
  parseHeader(name: string, index: number): unknown
}

/** A message of drachtio. */
interface DrachtioMessage {
  method: string
  uri: string
  headers: Record<string, string>
  get(name: string): string
  getParsedHeader(name: string): unknown
}

const siplet: Parser = {
  name: 'siplet',
  lazy(bytes) {
    const message = new SIPMessage(bytes)
    return [message.method, message.ruri, message.getHeader('From')]
  },
  full: (bytes) => new SIPMessage(bytes).headers(),
}

/**
 * Also reads what `full` leaves for reading on demand: every parameter and every URI. This is more than `sip` does,
 * which reads only the parameters of Via, From, To and Contact, and the URIs of Route and Record-Route.
 */
const sipletDeep: Parser = {
  name: 'siplet, parameters and URIs too',
  lazy: siplet.lazy,
  full(bytes) {
    const message = new SIPMessage(bytes)
    let count = 0
    for (const { values } of message.headers()) {
      for (const value of values) {
        if (typeof value !== 'object' || value === null || !('parameters' in value)) continue
        for (const _ of value.parameters.entries()) count++
        if ('parsedURI' in value && value.parsedURI !== null) count++
      }
    }
    return count
  },
}

async function peers(): Promise<Parser[]> {
  const sip = require('sip') as { parse(text: string): { method: string; uri: string; headers: object } }
  const { SipMessage } = require('drachtio-sip') as { SipMessage: new (text: string) => DrachtioMessage }
  const SRFMessage = require('drachtio-srf/lib/sip-parser/message.js') as new (
    text: string,
  ) => DrachtioMessage
  const jssip = require('jssip/lib/Parser.js') as { parseMessage(text: string, ua: object): HeaderObject }
  const parsip = require('parsip') as { getSIP(text: string): HeaderObject }
  const { Parser } = (await import('sip.js/lib/core/messages/parser.js' as string)) as {
    Parser: { parseMessage(text: string, logger: object): HeaderObject }
  }
  const silent = { log() {}, warn() {}, error() {}, debug() {} }
  return [
    {
      name: 'sip 0.0.6',
      lazy(bytes) {
        const { method, uri, headers } = sip.parse(bytes.toString('latin1'))
        return [method, uri, (headers as { from: unknown }).from]
      },
      full: (bytes) => sip.parse(bytes.toString('latin1')),
    },
    drachtio('drachtio-sip 0.6.3', SipMessage),
    drachtio('drachtio-srf 5.0.29', SRFMessage),
    grammar('jssip 3.13.8', (text) => jssip.parseMessage(text, {})),
    grammar('parsip 1.0.7', (text) => parsip.getSIP(text)),
    grammar('sip.js 0.21.2', (text) => Parser.parseMessage(text, silent)),
  ]
}

function drachtio(name: string, Message: new (text: string) => DrachtioMessage): Parser {
  return {
    name,
    lazy(bytes) {
      const message = new Message(bytes.toString('latin1'))
      return [message.method, message.uri, message.get('From')]
    },
    full(bytes) {
      const message = new Message(bytes.toString('latin1'))
      return Object.keys(message.headers).map((header) => message.getParsedHeader(header))
    },
  }
}

function grammar(name: string, parse: (text: string) => HeaderObject): Parser {
  /** Headers without a rule in that parser. It throws on them, which is not to be measured. */
  const unknown = new Set<string>()
  const parsed = (message: HeaderObject, header: string, index: number) => {
    if (unknown.has(header)) return null
    try {
      return message.parseHeader(header, index)
    } catch {
      unknown.add(header)
      return null
    }
  }
  return {
    name,
    slow: true,
    lazy(bytes) {
      const message = parse(bytes.toString('latin1'))
      return [message.method, message.ruri, message.from]
    },
    full(bytes) {
      const message = parse(bytes.toString('latin1'))
      return Object.entries(message.headers).map(([header, lines]) =>
        lines.map((_, index) => parsed(message, header, index)),
      )
    },
  }
}

export async function run(): Promise<Figures[]> {
  const parsers = [siplet, ...(await peers())]
  const figures: Figures[] = []
  for (const [kind, message] of Object.entries({ INVITE, '200 OK': OK, 'long INVITE': LONG_INVITE })) {
    const buffers = Array.from({ length: BUFFERS }, () => Buffer.from(message))
    for (const work of ['lazy', 'full'] as const) {
      const cases = (work === 'full' ? [...parsers, sipletDeep] : parsers).map((parser) => {
        const some = parser.slow === true ? buffers.slice(0, SLOW_BUFFERS) : buffers
        const run = () => {
          for (const bytes of some) parser[work](bytes)
        }
        return { name: parser.name, messages: some.length, bytes: some.length * message.length, run }
      })
      const title = `${kind}, ${message.length} bytes, ${work === 'lazy' ? 'three values' : 'every header'}`
      figures.push(await compare({ title, reference: 'siplet', time: 500 }, cases))
    }
  }
  return figures
}
