import { SIPMessage } from '@siplet/sipmsg'
import type { PendingExec } from '../dispatch/pending-exec.ts'
import type { Address, Route } from '../wire/request.ts'

/**
 * The message as a function of the embedder gets it: a SIPMessage with every edit the script made so far. Edits
 * made on it, and a changed `dstUri`, are what the script sees afterwards.
 */
export class FunctionMessage extends SIPMessage {
  /** The next hop, as set_dst_uri left it; may be set. */
  dstUri: string | null
  readonly route: Route
  readonly src: Address
  readonly dst: Address
  /** What the embedder gave to exec under that name. */
  readonly context: unknown

  constructor(
    { message, route, src, dst, context }: Pick<PendingExec, 'message' | 'route' | 'src' | 'dst' | 'context'>,
    dstUri: string | null,
  ) {
    super(message)
    this.route = route
    this.src = src
    this.dst = dst
    this.context = context
    this.dstUri = dstUri
  }
}

/**
 * A target of call_function. Returns (a promise of) a 32-bit integer, which call_function returns to the script;
 * booleans count as 1 and 0. What it throws becomes an exception in the script at that line.
 */
export type EmbedderFunction = (
  message: FunctionMessage,
  // biome-ignore lint/suspicious/noExplicitAny: the embedder states the types of the arguments its scripts pass
  ...args: any[]
) => number | boolean | Promise<number | boolean>
