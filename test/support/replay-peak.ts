/** A replay as a process, and the memory it takes. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'

const REPORT = "process.on('exit', () => console.error('peak', process.resourceUsage().maxRSS))"

/** @returns its summary as of --json, and its largest resident size in MiB */
export async function replayPeak(
  capture: string,
  script: string,
): Promise<{ summary: { messages: number; seconds: number }; peakMiB: number }> {
  const child = spawn(process.execPath, [
    ...['--import', `data:text/javascript,${encodeURIComponent(REPORT)}`],
    ...['packages/cli/bin/siplet.js', 'replay', capture, '--script', script, '--json'],
  ])
  let [stdout, stderr] = ['', '']
  child.stdout.on('data', (text) => {
    stdout += text
  })
  child.stderr.on('data', (text) => {
    stderr += text
  })
  await once(child, 'close')
  // maxRSS counts KiB.
  return { summary: JSON.parse(stdout), peakMiB: Number(/peak (\d+)/.exec(stderr)![1]) / 1_024 }
}
