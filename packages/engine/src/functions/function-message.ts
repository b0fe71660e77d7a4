import { SIPMessage } from '@siplet/sipmsg'
import type { PendingExec } from '../dispatch/pending-exec.ts'
import type { Address, Route } from '../wire/request.ts'

/**
 * The message that a function of the embedder receives: a SIPMessage with all edits that the script has made so far.
 * After the function has returned, the script sees its edits and its `dstUri`.
 */
export class FunctionMessage extends SIPMessage {
  /** The next hop, as set by set_dst_uri. Can be changed. */
  dstUri: string | null
  readonly route: Route
  readonly src: Address
  readonly dst: Address
  /** The `context` option of the exec. */
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
 * A function that a script calls with call_function. Returns a 32-bit integer or a promise of one; call_function
 * returns this integer to the script. Booleans count as 1 and 0. An error that the function throws becomes an
 * exception in the script, at the line of the call.
 */
export type EmbedderFunction = (
  message: FunctionMessage,
  // biome-ignore lint/suspicious/noExplicitAny: the embedder states the types of the arguments its scripts pass
  ...args: any[]
) => number | boolean | Promise<number | boolean>
