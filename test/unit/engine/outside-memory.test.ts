/** A script cannot allocate memory that V8 does not count. */
import assert from 'node:assert/strict'
import { INVITE } from '../../../packages/cli/src/bench/invite.ts'
import { handler, withEngine } from '../../support/engine.ts'

/** Expressions that are `true` if a script has something that it must not have. */
const AWAY = {
  'a resizable buffer': 'new ArrayBuffer(8, { maxByteLength: 16 }).resizable',
  'one by the constructor of a prototype':
    'new (new Uint8Array(1).buffer.constructor)(8, { maxByteLength: 16 }).resizable',
  'one of a subclass': 'new (class extends ArrayBuffer {})(8, { maxByteLength: 16 }).resizable',
  'one by Reflect': 'Reflect.construct(ArrayBuffer, [8, { maxByteLength: 16 }], Object).byteLength === 8',
  'one by another species':
    'new (ArrayBuffer.prototype.slice.call(new ArrayBuffer(8), 1).constructor)(8, { maxByteLength: 16 }).resizable',
  'one by a transfer': 'new ArrayBuffer(8).transfer(16).resizable',
  Intl: `typeof Intl !== 'undefined'`,
  Temporal: `typeof Temporal !== 'undefined'`,
  'Temporal by Date': `typeof new Date().toTemporalInstant !== 'undefined'`,
  WebAssembly: `typeof WebAssembly !== 'undefined'`,
  SharedArrayBuffer: `typeof SharedArrayBuffer !== 'undefined'`,
}

describe('memory outside of the heap', () => {
  for (const [name, expression] of Object.entries(AWAY)) {
    it(`a script has no ${name}`, () =>
      withEngine(
        handler(`x() { try { return ${expression} ? 1 : 2 } catch (error) { return 2 } }`),
        { isolation: 'inline' },
        async (engine) => assert.equal((await engine.exec('x', INVITE)).code, 2),
      ))
  }

  it('buffers of fixed length work for all typed arrays, and for subclasses', () =>
    withEngine(
      handler(`x() {
        class Mine extends ArrayBuffer {}
        const mine = new Mine(16)
        if (!(mine instanceof Mine) || mine.slice(4).byteLength !== 12 || ArrayBuffer.length !== 1) return 1
        if (ArrayBuffer.name !== 'ArrayBuffer' || !ArrayBuffer.isView(new DataView(mine))) return 2
        if (new Uint16Array(mine).length !== 8 || new Uint8Array([1, 2]).buffer.byteLength !== 2) return 3
        try { ArrayBuffer(1) } catch (error) { return error instanceof TypeError ? 7 : 4 }
      }`),
      { isolation: 'inline' },
      async (engine) => assert.equal((await engine.exec('x', INVITE)).code, 7),
    ))
})
