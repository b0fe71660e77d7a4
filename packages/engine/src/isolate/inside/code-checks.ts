/**
 * Puts loop checks into code that a script makes of a text, as script/loop-checks.ts does for the script itself. It holds
 * a parser, and few scripts make code of texts: so it is a text of its own, which the prelude runs on first use.
 */
import { withLoopChecksOf } from '../../script/loop-checks.ts'

export const codeChecks = {
  /**
   * The text with loop checks; the text itself if it has no loop.
   *
   * @param text a classic script
   * @param name of the global that its loops are to call
   * @throws SyntaxError if the text cannot be parsed, RangeError if it is nested too deeply for the stack
   */
  check: withLoopChecksOf,
}

export type CodeChecks = typeof codeChecks
