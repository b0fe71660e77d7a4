/**
 * A program that embeds an engine of isolation `thread`, and runs execs that V8 does not interrupt. Stuck threads end
 * only with their process, which must not be that of the tests. Prints each result as a line, and ends with exit code
 * 3.
 *
 *     node stuck-host.ts <milliseconds of limits.timeoutMs> <exec>...
 *
 * Each exec is a method of the script: `search` gets stuck, `ok` does not, `waits` calls a function that takes four
 * seconds.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { createEngine } from '@siplet/engine'
import { handler, keepingLogger, scriptFile } from './engine.ts'
import { sip } from './messages.ts'

const SEARCH = 'Array.prototype.includes.call({ length: 2 ** 53 - 1 }, 1)'
const [timeoutMs, ...methods] = process.argv.slice(2)
const engine = await createEngine({
  scriptName: scriptFile(
    handler(`search() { ${SEARCH} }, ok() { return 7 }, waits(msg) { return msg.call_function('slow') }`),
  ),
  isolation: 'thread',
  children: 2,
  affinity: 'none',
  limits: { timeoutMs: Number(timeoutMs), callFunctionTimeoutMs: 60_000 },
  logger: keepingLogger(),
  functions: { slow: () => delay(4_000, 8) },
})
// Added before and after the first thread is abandoned.
process.on('exit', () => console.log('first'))
for (const [place, method] of methods.entries()) {
  // A different message each time: a message that ended its child twice is refused.
  const message = sip({ headers: [['X-Place', String(place)]] })
  const [{ code, error }, other] = await Promise.all([
    engine.exec(method, message),
    engine.exec('ok', message),
  ])
  console.log(error === null ? code : `${error.code} ${error.message}`, other.error?.code ?? other.code)
}
await engine.close()
process.on('exit', () => console.log('last'))
process.exitCode = 3
