/** Checks the arguments of exec and execSync. Each property is read once, so a getter cannot change it later. */
import { types } from 'node:util'
import { encodeUtf8, SIPMessage } from '@siplet/sipmsg'
import { SipletError } from './errors.ts'
import { shown, thrownText } from './shown.ts'
import { type Address, MAX_NAME_LENGTH, ROUTES, type Route } from './wire/request.ts'

export interface ExecOptions {
  /** Route of the message. The default is REQUEST_ROUTE for requests and ONREPLY_ROUTE for replies. */
  route?: Route
  /** Source of the message: IP address as text, and port. */
  src?: Address
  /** Address that received the message. */
  dst?: Address
  /** Second argument of the method. Without it, the method gets only one argument. */
  extraArgs?: string
  /**
   * Value that functions find as `message.context` when the script calls them in this exec. It never leaves the
   * engine.
   */
  context?: unknown
}

/** The checked arguments of one exec. */
export interface ExecArguments {
  readonly method: string
  /** The name of the method as its UTF-8 bytes, one character per byte. */
  readonly methodText: string
  readonly message: Uint8Array | string | SIPMessage
  readonly messageBytes: number
  readonly extra: string | undefined
  readonly extraBytes: number
  readonly route: Route | undefined
  readonly src: Address
  readonly dst: Address
  readonly context: unknown
}

const NOWHERE: Address = ['0.0.0.0', 0]

/**
 * Checks the arguments of an exec.
 *
 * @throws SipletError ERR_SIPLET_ARGUMENT if an argument has the wrong type or cannot be read, for example because a
 *   getter throws
 */
export function execArguments(method: unknown, message: unknown, options: unknown): ExecArguments {
  try {
    return read(method, message, options)
  } catch (error) {
    if (error instanceof SipletError) throw error
    throw new SipletError('ERR_SIPLET_ARGUMENT', `exec: an argument cannot be read: ${thrownText(error)}`)
  }
}

function read(method: unknown, message: unknown, options: unknown): ExecArguments {
  const methodText = checkedMethod(method)
  const checked = checkedMessage(message)
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw argument('options', "an object, such as { route: 'FAILURE_ROUTE' }", options)
  }
  const { route, src, dst, extraArgs, context } = options as Record<string, unknown>
  const extra = checkedExtra(extraArgs)
  return {
    method: method as string,
    methodText,
    message: checked,
    messageBytes: lengthOf(checked),
    extra,
    extraBytes: extra === undefined ? 0 : Buffer.byteLength(extra),
    route: checkedRoute(route),
    src: checkedAddress('src', src),
    dst: checkedAddress('dst', dst),
    context,
  }
}

function checkedMethod(method: unknown): string {
  if (typeof method !== 'string' || method === '')
    throw argument('method', 'the name of a method of the script', method)
  const text = encodeUtf8(method)
  if (text.length > MAX_NAME_LENGTH) throw argument('method', `at most ${MAX_NAME_LENGTH} bytes long`, method)
  return text
}

function checkedMessage(message: unknown): Uint8Array | string | SIPMessage {
  // Unlike instanceof, isUint8Array is false for a Proxy, whose bytes cannot be read.
  if (typeof message === 'string' || types.isUint8Array(message) || message instanceof SIPMessage) {
    return message
  }
  throw argument('message', 'a Buffer, a Uint8Array, a string or a SIPMessage', message)
}

function checkedExtra(extra: unknown): string | undefined {
  if (extra === undefined || typeof extra === 'string') return extra
  throw argument('extraArgs', 'a string', extra)
}

function checkedRoute(route: unknown): Route | undefined {
  if (route === undefined || ROUTES.includes(route as Route)) return route as Route | undefined
  throw argument('route', `one of ${ROUTES.join(', ')}`, route)
}

/** Returns the number of bytes of a message in its current state. */
function lengthOf(message: Uint8Array | string | SIPMessage): number {
  if (typeof message === 'string') return Buffer.byteLength(message)
  return message instanceof SIPMessage ? message.text.length : message.length
}

function checkedAddress(name: string, address: unknown): Address {
  if (address === undefined) return NOWHERE
  const [ip, port] = Array.isArray(address) ? (address as unknown[]) : []
  const valid =
    typeof ip === 'string' &&
    ip.length <= MAX_NAME_LENGTH &&
    /^[\x20-\x7e]*$/.test(ip) &&
    Number.isInteger(port) &&
    (port as number) >= 0 &&
    (port as number) <= 65_535
  if (!valid) throw argument(name, "[ip, port], such as ['192.0.2.1', 5060]", address)
  return [ip, port as number]
}

function argument(name: string, expected: string, value: unknown): SipletError {
  return new SipletError('ERR_SIPLET_ARGUMENT', `exec: ${name} must be ${expected}, not ${shown(value)}`)
}
