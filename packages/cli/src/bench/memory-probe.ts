/** Runs as a separate process for {@link memoryPerChild}: prints the result of its first argument, a Probe as JSON. */
import { createEngine } from '@siplet/engine'
import type { Probe } from './memory.ts'

const { children, execs, isolation, method, message, ...options }: Probe = JSON.parse(process.argv[2]!)

await using one = await createEngine({ ...options, isolation, children: 1 })
await use(one, 1)
const before = process.memoryUsage.rss()
await using many = await createEngine({ ...options, isolation, children, affinity: 'none' })
await use(many, children)
console.log((process.memoryUsage.rss() - before) / children)

async function use(engine: typeof one, count: number): Promise<void> {
  const bytes = Buffer.from(message, 'latin1')
  for (let i = 0; i < execs; i++) {
    await Promise.all(Array.from({ length: count }, () => engine.exec(method, bytes)))
  }
}
