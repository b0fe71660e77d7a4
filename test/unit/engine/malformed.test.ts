/** Isolates that write nonsense into the memory they share with the host: only the child is lost. */
import assert from 'node:assert/strict'
import { ISOLATIONS } from '../../support/engine.ts'
import { GARBLINGS, type GarblingQueues, garblingQueues } from '../../support/garbling.ts'

for (const isolation of ISOLATIONS) {
  describe(`an isolate that writes nonsense, ${isolation}`, () => {
    let children: GarblingQueues
    before(async () => {
      children = await garblingQueues(isolation)
    })
    after(() => children.close())

    for (const garbling of Object.keys(GARBLINGS)) {
      it(`${garbling}: the exec is lost as malformed, the child is rebuilt, the other child continues`, async () => {
        const [one, other] = children.queues
        const rebuilds = one!.stats.rebuilds.lost
        const answers = await Promise.all([
          children.exec(one!, garbling),
          ...Array.from({ length: 5 }, () => children.exec(other!)),
        ])
        const [garbled, ...right] = answers
        // A wrong call is noticed when it is made: the result that is already there is correct.
        if (garbled!.code === undefined) assert.match(garbled!.reason!, /^malformed/)
        else assert.equal(garbled!.code, 1)
        assert.equal(garbled!.killed, false)
        assert.deepEqual(
          right.map(({ code }) => code),
          [2, 2, 2, 2, 2],
        )
        assert.equal((await children.exec(one!)).code, 1)
        assert.equal(one!.stats.rebuilds.lost, rebuilds + 1)
        assert.equal(other!.stats.rebuilds.lost, 0)
      })
    }

    it('in a batch: earlier well-formed results are kept, later execs run again', async () => {
      const [one] = children.queues
      const answers = await Promise.all([
        children.exec(one!),
        children.exec(one!, 'a record cut short'),
        children.exec(one!),
        children.exec(one!),
      ])
      assert.deepEqual(
        answers.map(({ code, reason }) => code ?? reason),
        [1, 1, 1, 'malformed result: a record that does not end'],
      )
    })
  })
}
