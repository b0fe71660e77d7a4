import type { Engine } from '@siplet/engine'
import { CLIError } from '../../errors.ts'
import type { ReplayRunOptions } from './options.ts'

/** The methods that a replay calls. */
export interface ReplayMethods {
  readonly requestMethod: string
  /** Null if the script has no such method: then replies are skipped. */
  readonly replyMethod: string | null
}

/**
 * Returns the methods that the options name.
 *
 * @param replyGiven whether the user named the reply method; then the script must have it
 * @throws CLIError ERR_SIPLET_METHOD_NOT_FOUND
 */
export function chosenMethods(
  engine: Engine,
  { requestMethod, replyMethod, script }: ReplayRunOptions,
  replyGiven: boolean,
): ReplayMethods {
  const has = (name: string) => engine.methods.includes(name)
  const missing = !has(requestMethod)
    ? requestMethod
    : replyGiven && !has(replyMethod)
      ? replyMethod
      : undefined
  if (missing === undefined) return { requestMethod, replyMethod: has(replyMethod) ? replyMethod : null }
  const option = missing === requestMethod ? '--request-method' : '--reply-method'
  throw new CLIError(
    'ERR_SIPLET_METHOD_NOT_FOUND',
    `${script} has no method ${missing}; it has ${engine.methods.join(', ')}: choose one with ${option}`,
  )
}
