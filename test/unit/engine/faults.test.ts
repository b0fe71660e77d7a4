/** Short runs of the programs that create faults and load. The programs check the results themselves. */
import assert from 'node:assert/strict'
import { run as faults } from '../../../benchmarks/faults.ts'
import { run as overload } from '../../../benchmarks/overload.ts'
import { figure } from '../../../packages/cli/src/bench/figures.ts'

const SECONDS = 2

describe('an engine under fire', () => {
  for (const isolation of ['inline', 'thread', 'process'] as const) {
    it(`faults at random, ${isolation}: every exec is answered once, in order, and all children serve at the end`, async () => {
      const seed = Math.floor(Math.random() * 2 ** 31)
      const figures = await faults(isolation, SECONDS, seed)
      const answers = figure(figures, 'answers', 'count')
      console.log(`      seed ${seed}: ${answers} answers`)
      assert.ok(figure(figures, 'answered', 'count') > 0)
    }).timeout(60_000)
  }

  it('overload: execs beyond the queue are refused, accepted ones are answered', async () => {
    const [figures] = await overload(SECONDS / 2)
    for (const { name } of figures!.rows) {
      assert.ok(figure(figures!, name, 'refused %') > 0)
      assert.ok(figure(figures!, name, 'answered/s') > 0)
    }
  }).timeout(60_000)
})
