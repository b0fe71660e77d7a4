/** Scripts that use memory without end, or much at once. */
import { EITHER, type Kind, LOST, MEMORY, SCRIPT, STACK, TIMEOUT, TOO_LARGE } from '../attack.ts'

const V8_GIVES_UP = 'V8 ends the process if one object does not fit into the heap'

export const MEMORY_BOMBS: Kind = {
  title: 'takes memory without end',
  attacks: {
    JavaScript: [
      {
        name: 'an array of strings',
        attack: "const all = []; for (;;) all.push('x'.repeat(1000) + all.length)",
        expect: EITHER,
      },
      { name: 'a string that doubles', attack: "let s = 'x'; for (;;) s += s", expect: [SCRIPT, MEMORY] },
      {
        name: 'a string that doubles and is made flat',
        attack: "let s = 'x'; for (;;) { s += s; /y/.test(s) }",
        expect: [SCRIPT, ...EITHER],
      },
      {
        name: 'a Map',
        attack: 'const all = new Map(); for (let i = 0; ; i++) all.set(i, { i })',
        expect: [...EITHER, SCRIPT],
      },
      {
        name: 'a Set of arrays',
        attack: 'const all = new Set(); for (;;) all.add([1, 2, 3, 4])',
        expect: [...EITHER, SCRIPT],
      },
      {
        name: 'a WeakMap',
        attack:
          'const w = new WeakMap(), all = []; for (;;) { const k = {}; all.push(k); w.set(k, [1, 2, 3]) }',
        expect: [...EITHER, SCRIPT],
      },
      {
        name: 'WeakRefs',
        attack: 'const all = []; for (;;) all.push(new WeakRef({ a: 1 }))',
        expect: [...EITHER, SCRIPT],
      },
      {
        name: 'a FinalizationRegistry',
        attack:
          'const r = new FinalizationRegistry(() => { for (;;) {} }); for (;;) r.register({}, [1, 2, 3])',
        expect: [...EITHER, SCRIPT],
      },
      {
        name: 'objects that hold each other',
        attack: 'let o = {}; for (;;) o = { o, p: o }',
        expect: EITHER,
      },
      { name: 'closures', attack: 'let f = () => 1; for (;;) { const g = f; f = () => g }', expect: EITHER },
      {
        name: 'classes',
        attack: 'let A = class {}; for (;;) A = class extends A { x = 1 }',
        expect: [...EITHER, STACK],
      },
      {
        name: 'generators that wait',
        attack: 'const all = []; for (;;) { const g = (function* () { yield 1 })(); g.next(); all.push(g) }',
        expect: EITHER,
      },
      {
        name: 'symbols',
        attack: 'const all = []; for (;;) all.push(Symbol("x".repeat(100)))',
        expect: EITHER,
      },
      {
        name: 'registered symbols',
        attack: 'for (let i = 0; ; i++) Symbol.for("x".repeat(100) + i)',
        expect: EITHER,
      },
      { name: 'globals', attack: 'for (let i = 0; ; i++) globalThis["g" + i] = [i]', expect: EITHER },
      {
        name: 'properties of one object',
        attack: 'const o = {}; for (let i = 0; ; i++) o["p" + i] = i',
        expect: [...EITHER, SCRIPT],
      },
      {
        name: 'a sparse array',
        attack: 'const a = []; for (let i = 0; ; i++) a[i * 1000] = [i]',
        expect: [...EITHER, SCRIPT],
      },
      {
        name: 'internalized strings',
        attack: 'const o = {}; for (let i = 0; ; i++) { o["k" + i] = 1; delete o["k" + i] }',
        expect: [...EITHER, SCRIPT],
      },
      { name: 'one huge buffer', attack: 'return new Uint8Array(2 ** 31).length', expect: SCRIPT },
      {
        name: 'many buffers',
        attack: 'const all = []; for (;;) all.push(new Uint8Array(2 ** 20))',
        expect: [SCRIPT, ...EITHER],
      },
      {
        name: 'many small buffers',
        attack: 'const all = []; for (;;) all.push(new Uint8Array(64).fill(1))',
        expect: [SCRIPT, ...EITHER],
      },
      {
        name: 'a growing buffer',
        attack:
          'const b = new ArrayBuffer(8, { maxByteLength: 2 ** 33 }); for (let n = 8; ; n *= 2) b.resize(n)',
        expect: SCRIPT,
      },
      {
        name: 'resizable buffers that are filled and kept',
        attack:
          'const all = []; for (;;) { const b = new ArrayBuffer(2 ** 24, { maxByteLength: 2 ** 24 }); new Uint8Array(b).fill(1); all.push(b) }',
        expect: [SCRIPT, ...EITHER],
      },
      {
        name: 'resizable buffers that begin small',
        attack:
          'const all = []; for (;;) { const b = new ArrayBuffer(0, { maxByteLength: 2 ** 22 }); b.resize(2 ** 22); new Uint8Array(b).fill(1); all.push(b) }',
        expect: [SCRIPT, ...EITHER],
      },
      {
        name: 'a resizable buffer made from the class of another one',
        attack:
          'const B = new Uint8Array(1).buffer.constructor; const all = []; for (;;) { const b = Reflect.construct(B, [2 ** 22, { maxByteLength: 2 ** 23 }], Object); all.push(b) }',
        expect: [SCRIPT, ...EITHER],
      },
      {
        name: 'a buffer transferred to a greater length',
        attack:
          'let b = new ArrayBuffer(8); for (let n = 8; ; n *= 2) { b = b.transfer(n); new Uint8Array(b).fill(1) }',
        expect: [SCRIPT, ...EITHER],
      },
      {
        name: 'a buffer transferred and kept resizable',
        attack:
          'const all = []; for (;;) { let b = new ArrayBuffer(1, { maxByteLength: 2 ** 22 }); b = b.transfer(2 ** 22); new Uint8Array(b).fill(1); all.push(b) }',
        expect: [SCRIPT, ...EITHER],
      },
      {
        name: 'address space that is never filled',
        attack: 'const all = []; for (;;) all.push(new ArrayBuffer(0, { maxByteLength: 2 ** 32 }))',
        expect: [SCRIPT, ...EITHER],
      },
      {
        name: 'typed arrays made of an iterator',
        attack: 'const all = []; for (;;) all.push(Float64Array.from({ length: 1e5 }, () => 1))',
        expect: [SCRIPT, ...EITHER],
      },
      {
        name: 'text decoded from base64',
        attack: "const t = 'AAAA'.repeat(2 ** 16), all = []; for (;;) all.push(Uint8Array.fromBase64(t))",
        expect: [SCRIPT, ...EITHER],
      },
      {
        name: 'memory of WebAssembly',
        attack: 'return new WebAssembly.Memory({ initial: 60000 }).buffer.byteLength',
        expect: SCRIPT,
      },
      {
        name: 'memory of WebAssembly in another realm',
        attack:
          "return msg.getHeader.constructor('return new WebAssembly.Memory({ initial: 60000 }).buffer.byteLength')()",
        expect: SCRIPT,
      },
      {
        name: 'a shared buffer that grows',
        attack: 'const b = new SharedArrayBuffer(8, { maxByteLength: 2 ** 30 }); b.grow(2 ** 30); return 1',
        expect: SCRIPT,
      },
      {
        name: 'regular expressions',
        attack:
          "const all = []; for (let i = 0; ; i++) { const r = new RegExp('(a' + i + ')*b'); r.test('aab'); all.push(r) }",
        expect: EITHER,
      },
      {
        name: 'a regular expression with a huge count',
        attack: "return new RegExp('(?:a{1000}){1000}'.repeat(50)).test('a'.repeat(1e6)) ? 1 : 2",
        expect: [SCRIPT, ...EITHER, STACK, 1, 2],
      },
      {
        name: 'a regular expression of 10 MB',
        attack: "return new RegExp('a|'.repeat(5e6)).test('b') ? 1 : 2",
        expect: [SCRIPT, ...EITHER, STACK, LOST, 1, 2],
        uninterrupted: 'V8 does not limit the memory in which it compiles a regular expression',
        alsoInThread: true,
      },
      {
        name: 'promises',
        attack: 'const all = []; for (;;) all.push(new Promise(() => {}))',
        expect: EITHER,
      },
      {
        name: 'an error per frame',
        attack: 'const all = []; for (;;) all.push(new Error("x".repeat(1000)))',
        expect: EITHER,
      },
      {
        name: 'errors with all of the stack',
        attack:
          'Error.stackTraceLimit = Infinity; const all = []; const f = (n) => { if (n) return f(n - 1); for (;;) all.push(new Error("x")) }; return f(1000)',
        expect: EITHER,
      },
      {
        name: 'a string of all matches',
        attack: "const all = []; for (;;) all.push(...'ab'.repeat(500).matchAll(/a/g))",
        expect: EITHER,
      },
      {
        name: 'a replacement that multiplies',
        attack: "let s = 'aaaa'; for (;;) s = s.replaceAll('a', '$`$&$\\'')",
        expect: [SCRIPT, ...EITHER],
      },
      {
        name: 'padStart to half a gigabyte',
        attack: "return 'x'.padStart(2 ** 29 - 25, 'ab').length",
        expect: [SCRIPT, ...EITHER, 2 ** 29 - 25],
      },
      {
        name: 'formatters of Intl that are kept',
        attack: "const all = []; for (;;) all.push(new Intl.DateTimeFormat('de', { dateStyle: 'full' }))",
        expect: [SCRIPT, ...EITHER],
      },
      {
        name: 'segmenters of Intl that are kept',
        attack:
          "const all = []; for (;;) all.push(new Intl.Segmenter('th', { granularity: 'word' }).segment('x'.repeat(1e4))[Symbol.iterator]())",
        expect: [SCRIPT, ...EITHER],
      },
      {
        name: 'structures nested by JSON',
        attack: "return JSON.parse('['.repeat(1e6) + ']'.repeat(1e6)).length",
        // V8 does not check for an interrupt within JSON.parse, which takes longer than the limit on a slow machine.
        expect: [SCRIPT, ...EITHER, STACK, LOST, 1],
      },
      {
        name: 'a JSON text that indents itself',
        attack:
          "let o = 1; for (let i = 0; i < 5000; i++) o = [o]; return JSON.stringify(o, null, '          ').length",
        expect: [SCRIPT, ...EITHER, STACK],
      },
      {
        name: 'edits without end',
        attack: "for (let i = 0; ; i++) msg.appendHeader('X-' + i, 'y'.repeat(1000))",
        expect: EITHER,
      },
      {
        name: 'a body beyond the result limit',
        attack: "msg.setBody('x'.repeat(2 ** 20), 'text/plain'); return 1",
        expect: TOO_LARGE,
      },
      {
        name: 'a header beyond the result limit',
        attack: "msg.setHeader('X', 'x'.repeat(2 ** 20)); return 1",
        expect: [TOO_LARGE, SCRIPT],
      },
      {
        name: 'a dst URI beyond the result limit',
        attack: "msg.set_dst_uri('sip:' + 'a'.repeat(2 ** 20)); return 1",
        expect: [TOO_LARGE, SCRIPT],
      },
      {
        name: 'a thrown message of 16 MB',
        attack: "throw new Error('x'.repeat(2 ** 24))",
        expect: [SCRIPT, MEMORY],
      },
      {
        name: 'messages kept for ever',
        attack: 'this.kept = []; for (;;) this.kept.push(msg.copy())',
        expect: EITHER,
      },
      {
        name: 'arrays of doubles',
        attack: 'const all = []; for (;;) all.push(new Array(1000).fill(1.5))',
        expect: [LOST, MEMORY, TIMEOUT],
        uninterrupted: V8_GIVES_UP,
      },
      {
        name: 'a string split into 500 million',
        attack: "return 'x'.repeat(5e8).split('').length",
        expect: [LOST, TIMEOUT, MEMORY],
        uninterrupted: V8_GIVES_UP,
        alsoInThread: true,
      },
      {
        name: 'all 500 million matches of a string',
        attack: "return 'x'.repeat(5e8).match(/x/g).length",
        expect: [LOST, TIMEOUT, MEMORY],
        uninterrupted: V8_GIVES_UP,
        alsoInThread: true,
      },
      {
        name: 'an array of 30 million',
        attack:
          'const a = []; for (let i = 0; i < 3e7; i++) a.push(i); const b = a.concat(a, a, a); return b.length',
        expect: [LOST, MEMORY, TIMEOUT],
        uninterrupted: V8_GIVES_UP,
      },
      {
        name: 'a JSON text of an array of 100 million',
        attack: 'return JSON.stringify(new Array(1e8).fill(1)).length',
        expect: [LOST, MEMORY, TIMEOUT, SCRIPT],
        uninterrupted: V8_GIVES_UP,
        alsoInThread: true,
      },
      {
        name: 'an array of 100 million by from',
        attack: 'return Array.from({ length: 1e8 }, () => 1).length',
        expect: [LOST, MEMORY, TIMEOUT, SCRIPT],
        uninterrupted: V8_GIVES_UP,
      },
      {
        name: 'characters of a text of 100 million',
        attack: "return Array.from('x'.repeat(1e8)).length",
        expect: [LOST, MEMORY, TIMEOUT, SCRIPT],
        uninterrupted: V8_GIVES_UP,
      },
    ],
    Python: [
      {
        name: 'a list that grows',
        attack: `
all = []
while True: all.append('x' * 1000)`,
        expect: [...EITHER, SCRIPT],
      },
      { name: 'one huge list', attack: 'return len([0] * 10 ** 9)', expect: [MEMORY, SCRIPT] },
      {
        name: 'a bytearray beyond the limit',
        attack: 'return len(bytearray(10 ** 9))',
        expect: [MEMORY, SCRIPT],
      },
      { name: 'a text of a gigabyte', attack: "return len('x' * 10 ** 9)", expect: [MEMORY, SCRIPT] },
      { name: 'a text that doubles', attack: "s = 'x'\nwhile True: s += s", expect: [...EITHER, SCRIPT] },
      {
        name: 'a dict that grows, MemoryError caught',
        attack: `
all = {}
n = 0
while True:
    try:
        n += 1
        all[n] = 'x' * 1000
    except MemoryError: pass`,
        expect: [TIMEOUT, MEMORY],
      },
      {
        name: 'a set that grows',
        attack: 'all = set()\nn = 0\nwhile True:\n    n += 1\n    all.add((n, n))',
        expect: [...EITHER, SCRIPT],
      },
      {
        name: 'integers that grow',
        attack: 'n = 3\nwhile True: n = n * n',
        expect: [TIMEOUT, MEMORY, SCRIPT],
      },
      { name: 'a shift of 10 ** 9', attack: 'n = 10 ** 9\nreturn (1 << n) & 1', expect: [...EITHER, SCRIPT] },
      {
        name: 'objects that hold each other',
        attack: 'a = []\nwhile True:\n    b = [a]\n    a.append(b)\n    a = b',
        expect: [...EITHER, SCRIPT],
      },
      {
        name: 'closures',
        attack: 'f = None\nwhile True:\n    f = (lambda g: lambda: g)(f)',
        expect: [...EITHER, SCRIPT],
      },
      {
        name: 'classes',
        attack: "n = 0\nall = []\nwhile True:\n    n += 1\n    all.append(type('C%d' % n, (), {}))",
        expect: [...EITHER, SCRIPT],
      },
      {
        name: 'interned names',
        attack: 'n = 0\nwhile True:\n    n += 1\n    setattr(self, "a%d" % n, n)',
        expect: [...EITHER, SCRIPT],
      },
      {
        name: 'generators that wait',
        attack: `
def g():
    yield 1
all = []
while True:
    x = g()
    next(x)
    all.append(x)`,
        expect: [...EITHER, SCRIPT],
      },
      {
        name: 'an array of a gigabyte',
        attack: "import array\nreturn len(array.array('d', [0]) * 10 ** 9)",
        expect: [MEMORY, SCRIPT],
      },
      {
        name: 'collections that cannot be',
        attack: 'import gc\ngc.disable()\nall = []\nwhile True: all.append(bytearray(1000))',
        expect: [...EITHER, SCRIPT],
      },
      {
        name: 'a threshold of garbage that is huge',
        attack: 'import gc\ngc.threshold(2 ** 30)\nwhile True: bytearray(1000)',
        expect: [...EITHER, SCRIPT],
      },
      {
        name: 'a deflate bomb',
        attack: `
import deflate, io
b = io.BytesIO()
z = deflate.DeflateIO(b, deflate.ZLIB, 15)
for i in range(1000): z.write(bytes(10000))
z.close()
return len(deflate.DeflateIO(io.BytesIO(b.getvalue()), deflate.ZLIB).read()) & 1`,
        expect: [...EITHER, SCRIPT],
      },
      {
        name: 'a JSON text of deep nesting',
        attack: "import json\nreturn len(json.loads('[' * 100000 + ']' * 100000))",
        expect: [...EITHER, SCRIPT, STACK, 1],
      },
      {
        name: 'a JSON text of many numbers',
        attack: "import json\nreturn len(json.loads('[' + '1,' * 3000000 + '1]')) & 1",
        expect: [...EITHER, SCRIPT],
      },
      {
        name: 'a format of a huge width',
        attack: "return len('%1000000000d' % 1)",
        expect: [...EITHER, SCRIPT],
      },
      {
        name: 'a struct of a huge count',
        attack: "import struct\nreturn struct.calcsize('1000000000s') & 1",
        expect: [...EITHER, SCRIPT, 0],
      },
      {
        name: 'a body beyond the result limit',
        attack: "msg.setBody('x' * 1000000, 'text/plain')\nreturn 1",
        expect: TOO_LARGE,
      },
      {
        name: 'edits without end',
        attack: "n = 0\nwhile True:\n    n += 1\n    msg.appendHeader('X-%d' % n, 'y' * 1000)",
        expect: [...EITHER, SCRIPT],
      },
      { name: 'a raised text of a megabyte', attack: "raise ValueError('x' * 1000000)", expect: SCRIPT },
    ],
  },
}
