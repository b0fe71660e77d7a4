/** Scripts that leave work for after their exec, or return promises. */
import { EITHER, IMPORT, type Kind, MEMORY, RETURN, SCRIPT, TIMEOUT } from '../attack.ts'

export const ASYNC: Kind = {
  title: 'floods microtasks, or never settles',
  attacks: {
    JavaScript: [
      {
        name: 'a flood of microtasks',
        attack: 'const f = () => Promise.resolve().then(f); f(); return 1',
        expect: [1, TIMEOUT],
      },
      { name: 'an async method that never settles', attack: 'return new Promise(() => {})', expect: RETURN },
      { name: 'a thenable', attack: 'return { then(f) { f(1) } }', expect: RETURN },
      {
        name: 'a thenable whose then loops',
        attack: 'return { get then() { for (;;) {} } }',
        expect: [TIMEOUT, RETURN],
      },
      {
        name: 'a microtask that loops',
        attack: 'Promise.resolve().then(() => { for (;;) {} }); return 1',
        expect: [1, TIMEOUT],
      },
      {
        name: 'a slice that is used up, then a microtask that loops',
        attack:
          'const end = Date.now() + 40; while (Date.now() < end) {} Promise.resolve().then(() => { for (;;) {} }); return 1',
        expect: [1, TIMEOUT],
      },
      {
        name: 'a slice that is used up, then a flood of microtasks',
        attack:
          'const end = Date.now() + 40; while (Date.now() < end) {} const f = () => Promise.resolve().then(f); f(); return 1',
        expect: [1, TIMEOUT],
      },
      {
        name: 'a slice that is used up, then microtasks that take memory',
        attack:
          'const end = Date.now() + 40; while (Date.now() < end) {} const all = []; const f = () => { all.push(new Array(1e4).fill({})); Promise.resolve().then(f) }; f(); return 1',
        expect: [1, TIMEOUT, MEMORY],
      },
      {
        name: 'a microtask that edits the message of its exec',
        attack: "Promise.resolve().then(() => msg.setHeader('X', 'late')); return 1",
        expect: 1,
      },
      {
        name: 'a microtask that throws',
        attack: 'Promise.resolve().then(() => { throw new Error("late") }); return 1',
        expect: 1,
      },
      {
        name: 'a rejection that nobody catches',
        attack: 'Promise.reject(new Error("x")); return 1',
        expect: 1,
      },
      {
        name: 'a rejection with a Proxy',
        attack: 'Promise.reject(new Proxy({}, { get() { for (;;) {} } })); return 1',
        expect: [1, TIMEOUT],
      },
      {
        name: 'a microtask that recurses',
        attack: 'Promise.resolve().then(() => { const f = () => f() + 1; f() }); return 1',
        expect: 1,
      },
      {
        name: 'an async function that awaits itself',
        attack: 'const f = async () => { await null; return f() }; f(); return 1',
        expect: [1, TIMEOUT, MEMORY],
      },
      {
        name: 'an async generator without end',
        attack:
          '(async () => { for await (const _ of (async function* () { for (;;) yield 1 })()) {} })(); return 1',
        expect: [1, TIMEOUT],
      },
      {
        name: 'an async generator whose return loops',
        attack:
          'const g = (async function* () { try { yield 1 } finally { for (;;) {} } })(); g.next(); g.return(); return 1',
        expect: [1, TIMEOUT],
      },
      {
        name: 'a thenable that a promise adopts, again and again',
        attack: 'const t = { then(f) { f(t) } }; Promise.resolve(t); return 1',
        expect: [1, TIMEOUT],
      },
      {
        name: 'Promise.all over an endless iterator',
        attack: 'Promise.all((function* () { for (;;) yield 1 })()); return 1',
        expect: [...EITHER],
      },
      {
        name: 'Promise with a species that runs our microtasks',
        attack:
          'class P extends Promise { static get [Symbol.species]() { for (;;) {} } } new P((f) => f(1)).then(() => 1); return 1',
        expect: TIMEOUT,
      },
      {
        name: 'Promise.prototype.then replaced',
        attack: 'Promise.prototype.then = () => { for (;;) {} }; return 1',
        expect: 1,
      },
      {
        name: 'queueMicrotask',
        attack:
          "return typeof queueMicrotask === 'undefined' ? 1 : (queueMicrotask(() => { for (;;) {} }), 1)",
        expect: [1, TIMEOUT],
      },
      {
        name: 'Atomics.waitAsync',
        attack: 'Atomics.waitAsync(new Int32Array(new SharedArrayBuffer(8)), 0, 0); return 1',
        expect: SCRIPT,
      },
      {
        name: 'an import that never ends',
        attack: "import(['data:text/javascript', 'for (;;) {}'].join(',')); return 1",
        expect: [1, SCRIPT, IMPORT],
      },
      {
        name: 'Array.fromAsync over an endless iterator',
        attack: 'Array.fromAsync((function* () { for (;;) yield 1 })()); return 1',
        expect: [1, ...EITHER],
      },
      {
        name: 'disposal that is asynchronous and loops',
        attack:
          'const s = new (globalThis.AsyncDisposableStack ?? Array)(); s.defer?.(() => { for (;;) {} }); s.disposeAsync?.(); return 1',
        expect: [1, TIMEOUT],
      },
      {
        name: 'a callback of a FinalizationRegistry',
        attack:
          'globalThis.registry = new FinalizationRegistry(() => { for (;;) {} }); for (let i = 0; i < 1e5; i++) registry.register({}, 1); return 1',
        expect: [1, SCRIPT, ...EITHER],
      },
    ],
    Python: [
      {
        name: 'an async method that never settles',
        attack: 'async def f(): pass\nreturn f()',
        expect: RETURN,
      },
      { name: 'a generator as result', attack: 'return (x for x in [1])', expect: RETURN },
      {
        name: 'a task that is left behind',
        attack: `
import asyncio
async def f():
    while True: await asyncio.sleep(0)
asyncio.create_task(f())
return 1`,
        expect: [1, SCRIPT],
      },
      {
        name: 'a task that loops',
        attack: `
import asyncio
async def f():
    while True: pass
asyncio.run(f())
return 1`,
        expect: [TIMEOUT, SCRIPT],
      },
      {
        name: 'a finalizer that loops',
        setup: `
class A:
    def __del__(self):
        while True: pass`,
        attack: 'import gc\na = A()\na = None\ngc.collect()\nreturn 1',
        expect: [1, TIMEOUT],
      },
      {
        name: 'a finalizer that raises',
        setup: `
class A:
    def __del__(self): raise KeyboardInterrupt`,
        attack: 'a = A()\na = None\nreturn 1',
        expect: [1, SCRIPT],
      },
      {
        name: 'a generator that is closed and goes on',
        attack: `
def f():
    while True:
        try: yield 1
        except GeneratorExit: pass
g = f()
next(g)
g.close()
return 1`,
        expect: [SCRIPT, 1],
      },
    ],
  },
}
