/** Runs a replay as a process, and measures its memory. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'

/**
 * VmHWM is the peak of this program alone. `maxRSS` of getrusage also counts the process that started it, because Linux
 * keeps that peak over exec (setmax_mm_hiwater_rss in fs/exec.c). It is used on systems without /proc. Both are in KiB.
 */
const REPORT = `
import { readFileSync } from 'node:fs'
process.on('exit', () => {
  let peak = process.resourceUsage().maxRSS
  try { peak = /VmHWM:\\s+(\\d+)/.exec(readFileSync('/proc/self/status', 'latin1'))[1] } catch {}
  console.error('peak', peak)
})`

/** @returns the summary of --json, and the largest resident size in MiB */
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
  return { summary: JSON.parse(stdout), peakMiB: Number(/peak (\d+)/.exec(stderr)![1]) / 1_024 }
}
