import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { EngineOptions } from '@siplet/engine'
import type { Subject } from './subject.ts'

export interface Probe
  extends Pick<EngineOptions, 'scriptName' | 'scriptRoot' | 'modInitFunction' | 'childInitMethod'> {
  isolation: 'inline' | 'thread'
  /** Number of children whose memory is measured. One more child exists before. */
  children: number
  /** Number of execs of each child before its memory is measured. */
  execs: number
  method: string
  /** The message, as one-byte text. */
  message: string
}

const CHILDREN = 8
const EXECS = 200
const PROBE = fileURLToPath(new URL(`./memory-probe${import.meta.url.slice(-3)}`, import.meta.url))

/** Returns the bytes by which the resident memory of a separate process grows per child. */
export async function memoryPerChild(subject: Subject, isolation: 'inline' | 'thread'): Promise<number> {
  const { scriptName, scriptRoot, modInitFunction, childInitMethod } = subject.engine
  const probe: Probe = {
    scriptName,
    ...(scriptRoot !== undefined && { scriptRoot }),
    ...(modInitFunction !== undefined && { modInitFunction }),
    ...(childInitMethod !== undefined && { childInitMethod }),
    isolation,
    children: CHILDREN,
    execs: EXECS,
    method: subject.method,
    message: subject.message.toString('latin1'),
  }
  const { stdout } = await promisify(execFile)(process.execPath, [PROBE, JSON.stringify(probe)])
  return Number(stdout)
}
