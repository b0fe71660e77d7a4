/** The interface of the functions that scripts call with call_function. */
import type { Address, FunctionMessage } from '@siplet/engine'
import type { RouteCall } from '../script/route-call.ts'

/** What functions read from the proxy. */
export interface FunctionHost {
  /** @param local address that received the message */
  isMyself(host: string, port: number | null, local: Address): boolean
  hasMethod(name: string): boolean
  /** Upper bound on targets tried for one request. */
  readonly maxBranches: number
  xlog(level: string, text: string, call: RouteCall): void
}

/** One function. Throws if its arguments are wrong; the script sees the error at its call. */
export type ProxyFunction = (
  call: RouteCall,
  message: FunctionMessage,
  args: readonly (string | number)[],
  host: FunctionHost,
) => number
