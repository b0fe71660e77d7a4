/** Runs programs in a pseudo-terminal of `script` (util-linux). */
import { spawn } from 'node:child_process'
import { once } from 'node:events'

/** Longest wait for expected output, in milliseconds. */
const PATIENCE_MS = 15_000

export interface TerminalStep {
  /** Output that must have appeared since the last step. */
  after: RegExp
  type: string
}

/**
 * Runs a shell command in a terminal with 100 columns.
 *
 * @param steps what a user types, and when; the terminal ends with the command
 * @returns all output, including escape sequences
 */
export async function inTerminal(
  command: string,
  { steps = [], env = {}, cwd }: { steps?: TerminalStep[]; env?: NodeJS.ProcessEnv; cwd?: string } = {},
): Promise<string> {
  // `script` runs the command in the user's shell, and shells react differently to Ctrl-C.
  const inherited: NodeJS.ProcessEnv = { ...process.env, TERM: 'xterm-256color', SHELL: '/bin/sh' }
  // These variables would make a program treat the terminal as something else.
  for (const name of ['CI', 'NO_COLOR', 'FORCE_COLOR', 'NODE_DISABLE_COLORS']) delete inherited[name]
  const child = spawn('script', ['-qec', `stty cols 100 rows 30; ${command}`, '/dev/null'], {
    ...(cwd !== undefined && { cwd }),
    env: { ...inherited, ...env },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  let shown = ''
  let told = 0
  let step = 0
  const proceed = () => {
    const next = steps[step]
    if (next === undefined || !next.after.test(shown.slice(told))) return
    told = shown.length
    step++
    child.stdin.write(next.type)
  }
  child.stdout.setEncoding('utf8').on('data', (text) => {
    shown += text
    proceed()
  })
  const late = setTimeout(() => child.kill('SIGKILL'), PATIENCE_MS)
  await once(child, 'close')
  clearTimeout(late)
  if (step < steps.length)
    throw new Error(`the terminal never showed ${steps[step]!.after}. It showed: ${shown}`)
  return shown
}
