/**
 * Puts loop checks into code that a script makes of a text, as script/loop-checks.ts does for the script itself. It holds
 * a parser, and few scripts make code of texts: so it is a text of its own, which the prelude runs on first use.
 */
import { withLoopChecks } from '../../script/loop-checks.ts'

/** How a text came out. `name` is null where there is no loop in it. */
export type CheckedText = { code: string; name: string | null } | { error: string }

export const codeChecks = {
  /**
   * @param text a classic script
   * @param name start of the name of the global that its loops are to call
   * @throws RangeError if the text is nested too deeply for the stack
   */
  check(text: string, name: string): CheckedText {
    try {
      const { code, checks } = withLoopChecks(text, name)
      return { code, name: checks === null ? null : checks.name }
    } catch (thrown) {
      if (!(thrown instanceof SyntaxError)) throw thrown
      return { error: thrown.message }
    }
  },
}

export type CodeChecks = typeof codeChecks
