/** Scripts that do not end. */
import { EITHER, type Kind, LOST, MEMORY, RETURN, SCRIPT, TIMEOUT } from '../attack.ts'

const NOTHING_INTERRUPTS_A_PRODUCT =
  'V8 does not check for an interrupt while it multiplies or divides huge BigInts, or converts them to text'

const NOTHING_INTERRUPTS_A_SEARCH =
  'V8 does not check for an interrupt in includes, indexOf, join, reverse and similar functions on an array-like object'

/** V8 checks for an interrupt too rarely in such a loop, unless the loop calls a function. */
const SLOW_COMPARISONS =
  "const [a, b] = [1, 2].map(() => ['b', 'a'.repeat(2e6), 'c'].join('')); for (;;) a === b"

/** Ways to run the text `body`. */
const CODE_OF_TEXTS = {
  'in eval': 'eval(body)',
  'in eval, called by another name': 'const other = eval; other(body)',
  'in a parameter of new Function': "new Function('x = (() => {' + body + '})()', '')()",
  'in a generator made of a text': '[...(function* () {}).constructor(body)()]',
  'in an async function made of a text': '(async () => {}).constructor(body)()',
  'in code that makes code': "eval('new Function(' + JSON.stringify(body) + ')()')",
  'in a with that hides every name': `new Function('all', 'with (all) {' + body.replace('a === b', 'first === second') + '}')(
    new Proxy({ first: 'x'.repeat(2e6) + 1, second: 'x'.repeat(2e6) + 2 }, { has: (_, name) => name !== 'Array' }))`,
}

export const LOOPS: Kind = {
  title: 'loops without end',
  attacks: {
    JavaScript: [
      { name: 'an endless loop', attack: 'for (;;) {}', expect: TIMEOUT },
      {
        name: 'an endless loop that catches everything',
        attack: 'for (;;) { try { for (;;) {} } catch {} }',
        expect: TIMEOUT,
      },
      {
        name: 'an endless loop in finally',
        attack: 'try { throw 1 } finally { for (;;) {} }',
        expect: TIMEOUT,
      },
      {
        name: 'a return that finally never lets go',
        attack: 'for (;;) { try { return 1 } finally { continue } }',
        expect: TIMEOUT,
      },
      {
        name: 'a thrown error whose message loops',
        attack: 'throw { get message() { for (;;) {} } }',
        expect: [TIMEOUT, SCRIPT],
      },
      {
        name: 'a thrown error whose stack loops',
        attack:
          'const e = new Error("x"); Object.defineProperty(e, "stack", { get() { for (;;) {} } }); throw e',
        expect: [TIMEOUT, SCRIPT],
      },
      {
        name: 'a thrown Proxy whose traps loop',
        attack: 'throw new Proxy({}, new Proxy({}, { get: () => () => { for (;;) {} } }))',
        expect: [TIMEOUT, SCRIPT],
      },
      {
        name: 'Error.prepareStackTrace that loops',
        attack: 'Error.prepareStackTrace = () => { for (;;) {} }; throw new Error("x")',
        expect: [TIMEOUT, SCRIPT],
      },
      {
        name: 'a thrown object whose name loops when it becomes text',
        attack: 'throw { name: { toString() { for (;;) {} } }, message: "x", stack: "x" }',
        expect: SCRIPT,
      },
      {
        name: 'a Proxy as result whose traps loop',
        attack: 'return new Proxy({}, { get() { for (;;) {} } })',
        expect: [TIMEOUT, RETURN],
      },
      {
        name: 'an argument whose toString loops',
        attack: 'msg.getHeader({ toString() { for (;;) {} } }); return 1',
        expect: SCRIPT,
      },
      {
        name: 'a generator without end',
        attack: 'for (const _ of (function* () { for (;;) yield 1 })()) {} return 1',
        expect: TIMEOUT,
      },
      {
        name: 'a generator whose return loops',
        attack:
          'for (const _ of (function* () { try { yield 1 } finally { for (;;) {} } })()) break; return 1',
        expect: TIMEOUT,
      },
      {
        name: 'a generator that eats what is thrown into it',
        attack:
          'const g = (function* () { for (;;) try { yield 1 } catch {} })(); g.next(); for (;;) g.throw(new Error("x"))',
        expect: TIMEOUT,
      },
      {
        name: 'a spread of an endless iterator',
        attack:
          'return Math.max(...{ [Symbol.iterator]: () => ({ next: () => ({ value: 1, done: false }) }) })',
        expect: [...EITHER, SCRIPT],
      },
      {
        name: 'a destructuring of an iterator whose next loops',
        attack: 'const [a] = { [Symbol.iterator]: () => ({ next() { for (;;) {} } }) }; return a',
        expect: TIMEOUT,
      },
      {
        name: 'yield* to itself',
        attack: 'function* f() { yield* f() } for (const _ of f()) {} return 1',
        expect: ['ERR_SIPLET_STACK', SCRIPT],
      },
      {
        name: 'a catastrophic regular expression',
        attack: "return /^(a+)+$/.test('a'.repeat(40) + 'b') ? 1 : 2",
        expect: TIMEOUT,
      },
      {
        name: 'a catastrophic regular expression with a back-reference',
        attack: "return /^(.*)*\\1x$/.test('a'.repeat(60)) ? 1 : 2",
        expect: TIMEOUT,
      },
      {
        name: 'a catastrophic look-behind',
        attack: "return /(?<=^(a|aa)+)b$/.test('x' + 'a'.repeat(80) + 'b') ? 1 : 2",
        expect: TIMEOUT,
      },
      {
        name: 'a catastrophic regular expression with the v flag',
        attack: "return /^(?:[\\p{L}--[b]]+)+$/v.test('a'.repeat(40) + 'b') ? 1 : 2",
        expect: TIMEOUT,
      },
      {
        name: 'replaceAll whose callback loops',
        attack: "return 'aaa'.replaceAll('a', () => { for (;;) {} }).length",
        expect: TIMEOUT,
      },
      {
        name: 'split by a regular expression that is slow at each place',
        attack: "return 'a'.repeat(50000).split(/(?:a+)+b/).length",
        expect: TIMEOUT,
      },
      {
        name: 'a sort whose comparison never ends',
        attack: 'return [3, 2, 1].sort(() => { for (;;) {} }).length',
        expect: TIMEOUT,
      },
      {
        name: 'a sort with a comparison at random, again and again',
        attack:
          'const a = Array.from({ length: 1000 }, (_, i) => i); for (;;) a.sort(() => Math.random() - 0.5)',
        expect: TIMEOUT,
      },
      {
        name: 'a sort of a typed array, again and again',
        attack:
          'const a = new Float64Array(1e5); for (;;) { for (let i = 0; i < a.length; i++) a[i] = -i; a.sort() }',
        expect: TIMEOUT,
      },
      {
        name: 'a search through an array-like of 2 ** 53 elements',
        attack: 'return Array.prototype.includes.call({ length: 2 ** 53 - 1 }, 1) ? 1 : 2',
        expect: [LOST, TIMEOUT],
        uninterrupted: NOTHING_INTERRUPTS_A_SEARCH,
      },
      {
        name: 'lastIndexOf through an array-like of 2 ** 53 elements',
        attack: 'return Array.prototype.lastIndexOf.call({ length: 2 ** 53 - 1 }, 1)',
        expect: [LOST, ...EITHER],
        uninterrupted: NOTHING_INTERRUPTS_A_SEARCH,
      },
      {
        name: 'a reversal of an array-like of 2 ** 53 elements',
        attack: 'Array.prototype.reverse.call({ length: 2 ** 53 - 1 }); return 1',
        expect: [LOST, ...EITHER],
        uninterrupted: NOTHING_INTERRUPTS_A_SEARCH,
      },
      {
        name: 'a fill of an array-like of 2 ** 53 elements by a setter',
        attack:
          'Array.prototype.fill.call(new Proxy({ length: 2 ** 53 - 1 }, { set: () => true }), 1); return 1',
        expect: TIMEOUT,
      },
      {
        name: 'copyWithin of an array-like of 2 ** 53 elements',
        attack: 'Array.prototype.copyWithin.call({ length: 2 ** 53 - 1 }, 1, 0); return 1',
        expect: [LOST, ...EITHER],
        uninterrupted: NOTHING_INTERRUPTS_A_SEARCH,
      },
      {
        name: 'a join of an array-like without elements',
        attack: "return Array.prototype.join.call({ length: 2 ** 32 - 2 }, '').length",
        expect: [LOST, ...EITHER],
        uninterrupted: NOTHING_INTERRUPTS_A_SEARCH,
      },
      {
        name: 'a prototype chain of Proxies',
        attack:
          'let p = {}; for (let i = 0; i < 1e4; i++) p = new Proxy(p, {}); for (;;) { try { p.x } catch {} }',
        expect: TIMEOUT,
      },
      {
        name: 'an array that grows by other arrays',
        attack: 'const a = []; for (;;) a.push(new Array(1000))',
        expect: EITHER,
      },
      {
        name: 'an array that grows by arrays made with from',
        attack: 'const a = []; for (;;) a.push(Array.from({ length: 100 }))',
        expect: EITHER,
      },
      {
        name: 'a hot loop over a Map that grows as it is iterated',
        attack: 'const m = new Map([[0, 0]]); for (const [k] of m) { m.delete(k); m.set(k + 1, k) } return 1',
        expect: EITHER,
      },
      {
        name: 'a Set whose forEach adds',
        attack: 'const s = new Set([0]); s.forEach((v) => { s.delete(v); s.add(v + 1) }); return 1',
        expect: EITHER,
      },
      {
        name: 'a hot loop of integers',
        attack: 'let n = 0; for (let i = 0; ; i = (i + 1) | 0) n = (n * 31 + i) | 0',
        expect: TIMEOUT,
      },
      {
        name: 'a hot loop of floats without a call',
        attack: 'let x = 0.5; while (x !== 2) x = x * 3.9 * (1 - x); return 1',
        expect: TIMEOUT,
      },
      {
        name: 'a hot loop over a typed array',
        attack: 'const a = new Int32Array(16); for (let i = 0; ; i = (i + 1) & 15) a[i] += i',
        expect: TIMEOUT,
      },
      {
        name: 'nested loops that are unrolled',
        attack: 'const a = [1, 2, 3, 4]; let n = 0; for (;;) for (let i = 0; i < 4; i++) n = (n + a[i]) | 0',
        expect: TIMEOUT,
      },
      {
        name: 'a loop of new objects',
        attack: 'for (;;) { const o = { a: 1, b: [2] }; if (o.b[0] === 3) return 1 }',
        expect: TIMEOUT,
      },
      {
        name: 'a loop with a switch and labels',
        attack:
          'let n = 0; a: for (;;) { b: for (;;) { switch (n++ & 3) { case 0: continue a; case 1: break b; default: continue b } } }',
        expect: TIMEOUT,
      },
      {
        name: 'a loop in a class static block',
        attack: 'class A { static { for (;;) {} } } return 1',
        expect: TIMEOUT,
      },
      {
        name: 'a tagged template that loops',
        attack: 'return ((strings) => { for (;;) {} })`x`',
        expect: TIMEOUT,
      },
      {
        name: 'a loop through new Function',
        attack: "return new Function('for (;;) {}')()",
        expect: [TIMEOUT, SCRIPT],
      },
      { name: 'a loop through eval', attack: "return (0, eval)('for (;;) {}')", expect: [TIMEOUT, SCRIPT] },
      ...Object.entries(CODE_OF_TEXTS).map(([name, way]) => ({
        name: `a loop of slow comparisons ${name}`,
        attack: `const body = ${JSON.stringify(SLOW_COMPARISONS)}; ${way}; return 1`,
        expect: EITHER,
      })),
      {
        name: 'functions made without end',
        attack: "for (let i = 0; ; i++) new Function('return ' + i)()",
        expect: [...EITHER, SCRIPT],
      },
      {
        name: 'a JSON text parsed with a reviver that loops',
        attack: "return JSON.parse('[1]', () => { for (;;) {} })",
        expect: TIMEOUT,
      },
      {
        name: 'a reviver that makes the array longer',
        attack:
          "JSON.parse('[1, 2]', function (k) { if (Array.isArray(this)) this.length = 2 ** 32 - 1; return 1 }); for (;;) {}",
        expect: EITHER,
      },
      {
        name: 'the time, asked again and again',
        attack: 'const end = Date.now() + 1e9; while (Date.now() < end) {} return 1',
        expect: TIMEOUT,
      },
      {
        name: 'dates made into text',
        attack: 'for (let i = 0; ; i++) new Date(i).toLocaleString()',
        expect: [...EITHER, SCRIPT],
      },
      {
        name: 'formatters of Intl',
        attack: "for (;;) new Intl.NumberFormat('de-DE', { style: 'currency', currency: 'EUR' }).format(1e9)",
        expect: [...EITHER, SCRIPT],
      },
      {
        name: 'a Temporal duration that is huge',
        attack: "for (;;) new Temporal.Duration(0, 0, 0, 1e8).total('nanoseconds')",
        expect: [...EITHER, SCRIPT],
      },
      {
        name: 'text that is normalized, again and again',
        attack: "for (;;) '\\u1e9b\\u0323'.repeat(1e4).normalize('NFKD')",
        expect: [...EITHER, SCRIPT],
      },
      {
        name: 'text that is compared by locale',
        attack: "const s = '\\u00e4'.repeat(1e5); for (;;) s.localeCompare(s + 'b')",
        // One comparison may take longer than the margin after which a pool process is ended.
        expect: [...EITHER, LOST],
      },
      {
        name: 'members of msg, again and again',
        attack: "for (;;) { msg.getHeader('Subject'); msg.raw; msg.getHeaders('Via'); msg.headerNames() }",
        expect: TIMEOUT,
      },
      {
        name: 'copies of msg, again and again',
        attack: "for (;;) msg.copy().setHeader('X', 'y')",
        expect: EITHER,
      },
      {
        name: 'pseudo-variables, again and again',
        attack: "for (;;) { msg.set_pseudoVar('$rU', 'a'); msg.get_pseudoVar('$rU') }",
        expect: EITHER,
      },
      {
        name: 'a native call that takes long',
        attack:
          "return 'a'.repeat(2 ** 20).split('').sort().join('').length && new Array(2 ** 24).join('x').length && (() => { for (;;) {} })()",
        expect: EITHER,
      },
      {
        name: 'a search in a long text for a text that nearly matches',
        attack: "const h = 'a'.repeat(2e6); const n = 'a'.repeat(1e6) + 'b'; for (;;) h.indexOf(n)",
        expect: EITHER,
      },
      {
        name: 'a chain of bound functions',
        attack:
          'let f = () => 1; for (let i = 0; i < 1e4; i++) f = f.bind(); for (;;) { try { f() } catch {} }',
        expect: EITHER,
      },
      {
        name: 'BigInts that grow, whose product nothing interrupts',
        attack: 'let n = 3n; for (;;) n *= n',
        expect: [LOST, TIMEOUT, MEMORY],
        uninterrupted: NOTHING_INTERRUPTS_A_PRODUCT,
      },
      {
        name: 'a power of a BigInt',
        attack: 'return (3n ** 20000000n) === 1n ? 1 : 2',
        expect: [LOST, TIMEOUT, SCRIPT, MEMORY],
        uninterrupted: NOTHING_INTERRUPTS_A_PRODUCT,
      },
      {
        name: 'a huge BigInt as text',
        attack: 'return (1n << 30000000n).toString().length',
        expect: [LOST, TIMEOUT, SCRIPT, MEMORY],
        uninterrupted: NOTHING_INTERRUPTS_A_PRODUCT,
      },
    ],
    Python: [
      { name: 'an endless loop', attack: 'while True: pass', expect: TIMEOUT },
      {
        name: 'an endless loop that catches everything',
        attack: `
while True:
    try:
        while True: pass
    except: pass`,
        expect: TIMEOUT,
      },
      {
        name: 'an endless loop that catches BaseException in finally',
        attack: `
while True:
    try:
        raise KeyboardInterrupt
    except BaseException: pass
    finally:
        while True: pass`,
        expect: TIMEOUT,
      },
      {
        name: 'an endless generator',
        attack: `
def forever():
    while True: yield 1
return sum(forever())`,
        expect: TIMEOUT,
      },
      {
        name: 'a list of an endless iterator',
        setup: `
class Endless:
    def __iter__(self): return self
    def __next__(self): return 1`,
        attack: 'return len(list(Endless()))',
        expect: [...EITHER, SCRIPT],
      },
      {
        name: 'a membership test that never ends',
        setup: `
class Endless:
    def __iter__(self): return self
    def __next__(self): return 1`,
        attack: 'return 1 if 2 in Endless() else 0',
        expect: TIMEOUT,
      },
      { name: 'a range of 10 ** 9', attack: 'return sum(range(10 ** 9))', expect: [TIMEOUT, RETURN, MEMORY] },
      {
        name: 'a sort whose key loops',
        attack: `
def key(x):
    while True: pass
return len(sorted([3, 2, 1], key=key))`,
        expect: TIMEOUT,
      },
      {
        name: 'a comparison that loops',
        setup: `
class Slow:
    def __eq__(self, other):
        while True: pass`,
        attack: 'return 1 if Slow() == 1 else 0',
        expect: TIMEOUT,
      },
      {
        name: 'a property that loops',
        setup: `
class Slow:
    @property
    def x(self):
        while True: pass`,
        attack: 'return Slow().x',
        expect: TIMEOUT,
      },
      {
        name: 'an exception whose text loops',
        setup: `
class Slow(Exception):
    def __str__(self):
        while True: pass
    __repr__ = __str__`,
        attack: 'raise Slow()',
        expect: [TIMEOUT, SCRIPT],
      },
      {
        name: 'a context manager whose exit loops',
        setup: `
class Slow:
    def __enter__(self): return self
    def __exit__(self, *args):
        while True: pass`,
        attack: 'with Slow(): return 1',
        expect: TIMEOUT,
      },
      {
        name: 'a catastrophic regular expression',
        attack: "import re\nreturn 1 if re.match('(a*)*b', 'a' * 40) else 2",
        expect: [TIMEOUT, SCRIPT, 'ERR_SIPLET_STACK'],
      },
      {
        name: 'a power that takes long',
        // MicroPython computes a power of constants while it compiles.
        attack: 'n = 3000000\nreturn 3 ** n & 1',
        expect: [TIMEOUT, MEMORY, SCRIPT],
      },
      {
        name: 'a huge integer as text',
        attack: 'return len(str(1 << 2000000))',
        expect: [TIMEOUT, MEMORY, SCRIPT],
      },
      {
        name: 'a sleep',
        attack: 'import time\ntime.sleep(3600)\nreturn 1',
        expect: [TIMEOUT, SCRIPT],
      },
      {
        name: 'sleeps of a microsecond without end',
        attack: 'import time\nwhile True: time.sleep_us(1)',
        expect: [TIMEOUT, SCRIPT],
      },
      {
        name: 'a loop of asyncio',
        attack: `
import asyncio
async def main():
    while True: await asyncio.sleep(0)
asyncio.run(main())
return 1`,
        expect: [TIMEOUT, SCRIPT],
      },
      {
        name: 'a loop through exec',
        attack: "exec('while True: pass')\nreturn 1",
        expect: [TIMEOUT, SCRIPT],
      },
      {
        name: 'members of msg, again and again',
        attack: "while True:\n    msg.getHeader('Subject')\n    msg.raw\n    msg.headerNames()",
        expect: TIMEOUT,
      },
      { name: 'copies of msg, again and again', attack: 'while True: msg.copy()', expect: EITHER },
      {
        name: 'a text searched for a text that nearly matches',
        attack: "h = 'a' * 200000\nn = 'a' * 100000 + 'b'\nwhile True: h.find(n)",
        expect: [TIMEOUT, SCRIPT],
      },
      {
        name: 'a collection of garbage, again and again',
        attack: 'import gc\nwhile True: gc.collect()',
        expect: TIMEOUT,
      },
    ],
  },
}
