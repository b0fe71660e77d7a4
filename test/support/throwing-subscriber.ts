/** A program with a subscriber of the tracing channel that throws. Run by embedder-faults.test.ts. */
import { tracingChannel } from 'node:diagnostics_channel'
import { createEngine } from '@siplet/engine'
import { INVITE } from './messages.ts'

let uncaught = 0
process.on('uncaughtException', (error) => {
  if (error.message === 'no subscriber') uncaught++
})
const fail = () => {
  throw new Error('no subscriber')
}
const channel = tracingChannel('siplet:exec')
channel.start.subscribe(fail)
channel.asyncEnd.subscribe(fail)
const engine = await createEngine({ scriptName: process.argv[2]!, isolation: 'inline' })
for (let i = 0; i < 2; i++) console.log(`answered ${(await engine.exec('logs', INVITE)).code}`)
await engine.close()
console.log(`uncaught: ${uncaught} of subscribers`)
