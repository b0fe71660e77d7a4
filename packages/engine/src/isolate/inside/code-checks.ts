/**
 * Adds loop checks to code that a script creates from text, as script/loop-checks.ts does for the script itself. This
 * code contains a parser, and few scripts need it. So it is a bundle of its own, which the prelude runs on first use.
 */
import { withLoopChecksOf } from '../../script/loop-checks.ts'

export const codeChecks = {
  /**
   * Returns the text with loop checks, or the unchanged text if it has no loop.
   *
   * @param text a classic script
   * @param name name of the global that the loops call
   * @throws SyntaxError if the text cannot be parsed; RangeError if it is nested too deeply for the stack
   */
  check: withLoopChecksOf,
}

export type CodeChecks = typeof codeChecks
