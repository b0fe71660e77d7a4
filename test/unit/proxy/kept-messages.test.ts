/** Memory that finished transactions hold for retransmissions: bounded, and released as soon as nothing needs it. */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { KeptMessages, type MessageKeeper } from '../../../packages/proxy/src/transaction/kept-messages.ts'
import { ISOLATIONS } from '../../support/engine.ts'
import { Lab } from '../../support/sip-peer.ts'

class Keeper implements MessageKeeper {
  forgotten = 0
  forgetMessages(): void {
    this.forgotten++
  }
}

describe('KeptMessages', () => {
  it('has the oldest keepers forget first, and no more of them than needed', () => {
    const kept = new KeptMessages(100)
    const keepers = [new Keeper(), new Keeper(), new Keeper()]
    for (const keeper of keepers) kept.keep(keeper, 40)
    assert.deepEqual(
      keepers.map(({ forgotten }) => forgotten),
      [1, 0, 0],
    )
    assert.equal(kept.bytes, 80)
  })

  it('has a keeper forget at once what is larger than the bound', () => {
    const kept = new KeptMessages(100)
    const keeper = new Keeper()
    kept.keep(keeper, 101)
    assert.equal(keeper.forgotten, 1)
    assert.equal(kept.bytes, 0)
  })

  it('counts a keeper once, with its latest bytes', () => {
    const kept = new KeptMessages(100)
    const keeper = new Keeper()
    kept.keep(keeper, 10)
    kept.keep(keeper, 30)
    assert.equal(kept.bytes, 30)
    assert.equal(kept.release(keeper), true)
    assert.equal(kept.release(keeper), false)
    assert.equal(kept.bytes, 0)
  })

  it('never exceeds the bound, and tells each keeper at most once, in any order of calls', () => {
    const step = fc.record({ keep: fc.boolean(), who: fc.nat(9), bytes: fc.nat(60) })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
        const kept = new KeptMessages(100)
        const keepers = Array.from({ length: 10 }, () => new Keeper())
        const model = new Map<Keeper, number>()
        for (const { keep, who, bytes } of steps) {
          const keeper = keepers[who]!
          const before = keepers.map(({ forgotten }) => forgotten)
          model.delete(keeper)
          if (keep) {
            model.set(keeper, bytes)
            kept.keep(keeper, bytes)
          } else kept.release(keeper)
          const told = keepers.filter(({ forgotten }, index) => forgotten === before[index]! + 1)
          const oldest = [...model.keys()].slice(0, told.length)
          assert.deepEqual(new Set(told), new Set(oldest))
          for (const one of told) model.delete(one)
          assert.equal(
            kept.bytes,
            [...model.values()].reduce((sum, count) => sum + count, 0),
          )
          assert.ok(kept.bytes <= 100)
        }
      }),
    )
  })
})

for (const isolation of ISOLATIONS) {
  describe(`limits.maxKeptBytes, isolation ${isolation}`, function () {
    this.timeout(60_000)
    const script = `request_route(msg) { return msg.call_function('t_reply', 486, 'Busy') }`

    it('answers a request that comes again, as long as its reply fits the bound', async () => {
      await using lab = await Lab.open(script, { isolation })
      const sent = lab.request('MESSAGE')
      await lab.client.next(486)
      assert.ok(lab.proxy.load.keptBytes > 0)
      lab.resend(sent)
      await lab.client.next(486)
      lab.clock.advance(32_000)
      assert.equal(lab.proxy.load.keptBytes, 0)
    })

    it('forgets replies beyond the bound; a request that comes again is not routed again', async () => {
      await using lab = await Lab.open(script, { isolation, limits: { maxKeptBytes: 1_000 } })
      const sent = Array.from({ length: 10 }, () => lab.request('MESSAGE'))
      for (const _ of sent) await lab.client.next(486)
      assert.ok(lab.proxy.load.keptBytes <= 1_000)
      lab.resend(sent[0]!)
      await lab.settled()
      lab.resend(sent.at(-1)!)
      await lab.client.next(486)
      assert.equal(lab.client.received.length, 11)
    })

    it('keeps an INVITE no longer than its final reply', async () => {
      await using lab = await Lab.open(`request_route(msg) { msg.set_dst_uri(A); return 1 }`, { isolation })
      const invite = lab.request('INVITE', { headers: [['X-Large', 'x'.repeat(20_000)]] })
      await lab.client.next(100)
      lab.servers[0]!.reply(await lab.servers[0]!.next('INVITE'), 486)
      const final = await lab.client.next(486)
      await lab.servers[0]!.next('ACK')
      lab.follow('ACK', invite, final.getHeader('To')!)
      await lab.settled()
      assert.ok(lab.proxy.load.keptBytes < 2_000, `${lab.proxy.load.keptBytes} bytes are kept`)
    })
  })
}
