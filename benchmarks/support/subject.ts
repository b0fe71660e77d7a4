import { fileURLToPath } from 'node:url'
import { INVITE } from '../../packages/cli/src/bench/invite.ts'
import type { Subject } from '../../packages/cli/src/bench/subject.ts'

/** The subject of most benchmarks: the work of route.js on an INVITE. */
export const subject: Subject = {
  engine: { scriptName: fileURLToPath(new URL('./route.js', import.meta.url)) },
  method: 'route',
  message: INVITE,
}
