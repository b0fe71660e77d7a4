/** Programs in a pseudo-terminal, as `script` of util-linux makes one. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'

/** Longest wait for something to be shown: milliseconds. */
const PATIENCE_MS = 15_000

export interface TerminalStep {
  /** What must have been shown before, since the last step. */
  after: RegExp
  type: string
}

/**
 * Runs a command of sh in a terminal of 100 columns.
 *
 * @param steps what a user types, and when; the terminal ends with the command
 * @returns all that was shown, escape sequences included
 */
export async function inTerminal(
  command: string,
  { steps = [], env = {}, cwd }: { steps?: TerminalStep[]; env?: NodeJS.ProcessEnv; cwd?: string } = {},
): Promise<string> {
  // script runs the command by the user's shell, and shells differ in what Ctrl-C does to them.
  const inherited: NodeJS.ProcessEnv = { ...process.env, TERM: 'xterm-256color', SHELL: '/bin/sh' }
  // Terminals are what is tested; these would make a program take one for something else.
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
  if (step < steps.length) throw new Error(`${steps[step]!.after} was never shown, but: ${shown}`)
  return shown
}
