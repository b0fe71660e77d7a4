import type { PoolOptions, ScriptOptions } from '../../options.ts'
import type { MessageFilter } from '../../replay/message-filter.ts'
import type { FunctionOptions } from '../../script-functions.ts'

/** The options of `siplet replay`, as the command line gives them. */
export interface ReplayRunOptions extends ScriptOptions, PoolOptions, FunctionOptions {
  requestMethod: string
  replyMethod: string
  extra?: string
  limit?: number
  speed?: number
  filter?: MessageFilter
  dedupe?: true
  compare?: string
  failOnDifference?: true
  expect?: string
  out?: string
  ndjson?: string
  report?: string
  json?: true
  failOnError?: true
  allowEmpty?: true
}
