import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { EngineOptions } from '@siplet/engine'
import type { Subject } from './subject.ts'

export interface Probe
  extends Pick<EngineOptions, 'scriptName' | 'scriptRoot' | 'modInitFunction' | 'childInitMethod'> {
  isolation: 'inline' | 'thread'
  /** Children whose memory is measured, beside one that is there before. */
  children: number
  /** Execs of each child, before its memory counts. */
  execs: number
  method: string
  /** One-byte text. */
  message: string
}

const CHILDREN = 8
const EXECS = 200
const PROBE = fileURLToPath(new URL(`./memory-probe${import.meta.url.slice(-3)}`, import.meta.url))

/** Bytes by which the resident memory of a process grows per child, in a process of its own. */
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
