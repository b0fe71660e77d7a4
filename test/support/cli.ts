/** Runs the command line as a process. */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const SIPLET = fileURLToPath(new URL('../../packages/cli/bin/siplet.js', import.meta.url))

export interface CLIRun {
  exitCode: number | null
  stdout: string
  stderr: string
}

/** Runs `siplet` with these arguments in the root of the project, with `input` on stdin. */
export async function siplet(args: readonly string[], input: string | Buffer = ''): Promise<CLIRun> {
  const child = spawn(process.execPath, [SIPLET, ...args], {
    cwd: fileURLToPath(new URL('../../', import.meta.url)),
    env: { ...process.env, NO_COLOR: '1' },
  })
  const run: CLIRun = { exitCode: null, stdout: '', stderr: '' }
  child.stdout.setEncoding('utf8').on('data', (text) => {
    run.stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text) => {
    run.stderr += text
  })
  child.stdin.end(input)
  return await new Promise((resolve) => {
    child.once('close', (exitCode) => resolve({ ...run, exitCode }))
  })
}

/** Returns the objects of an NDJSON text. */
export function ndjson(text: string): Record<string, unknown>[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))
}
