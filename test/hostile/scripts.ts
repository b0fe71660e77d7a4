/**
 * What scripts may do to us, in JavaScript. Each `attack` is the body of a method; `setup` stands before it in the
 * script. After it, `probe` must read the next message right on the same child.
 */
import type { ErrorCode } from '@siplet/engine'

export type Expected = ErrorCode | number

export interface HostileScript {
  name: string
  attack: string
  setup?: string
  /** What the exec comes to: an error code, one of several, or the integer returned. */
  expect: Expected | readonly Expected[]
  /** What V8 makes of it ends the process: only isolation `process` holds it. */
  needsProcess?: true
}

const TIMEOUT = 'ERR_SIPLET_TIMEOUT'
const MEMORY = 'ERR_SIPLET_MEMORY'
const SCRIPT = 'ERR_SIPLET_SCRIPT'
const LOST = 'ERR_SIPLET_CHILD_LOST'
const STACK = 'ERR_SIPLET_STACK'
const RETURN = 'ERR_SIPLET_RETURN_TYPE'
/** Which limit comes first depends on the machine. */
const EITHER = [TIMEOUT, MEMORY] as const

const LOOPS: HostileScript[] = [
  { name: 'an endless loop', attack: 'for (;;) {}', expect: TIMEOUT },
  {
    name: 'an endless loop that catches everything',
    attack: 'for (;;) { try { for (;;) {} } catch {} }',
    expect: TIMEOUT,
  },
  { name: 'an endless loop in finally', attack: 'try { throw 1 } finally { for (;;) {} }', expect: TIMEOUT },
  {
    name: 'a flood of microtasks',
    attack: 'const f = () => Promise.resolve().then(f); f(); return 1',
    expect: 1,
  },
  { name: 'an async method that never settles', attack: 'return new Promise(() => {})', expect: RETURN },
  { name: 'a thenable', attack: 'return { then(f) { f(1) } }', expect: RETURN },
  { name: 'a thenable whose then loops', attack: 'return { get then() { for (;;) {} } }', expect: TIMEOUT },
  {
    name: 'a Proxy as result whose traps loop',
    attack: 'return new Proxy({}, { get() { for (;;) {} } })',
    expect: TIMEOUT,
  },
  {
    name: 'an argument whose toString loops',
    attack: 'msg.getHeader({ toString() { for (;;) {} } }); return 1',
    expect: SCRIPT,
  },
  {
    name: 'an argument whose valueOf loops',
    attack: "msg.call_function('f', { valueOf() { for (;;) {} } }); return 1",
    expect: SCRIPT,
  },
  {
    name: 'a thrown error whose message loops',
    attack: 'throw { get message() { for (;;) {} } }',
    expect: TIMEOUT,
  },
  {
    name: 'a thrown error whose stack loops',
    attack: 'const e = new Error("x"); Object.defineProperty(e, "stack", { get() { for (;;) {} } }); throw e',
    expect: TIMEOUT,
  },
  {
    name: 'Error.prepareStackTrace that loops',
    attack: 'Error.prepareStackTrace = () => { for (;;) {} }; throw new Error("x")',
    expect: TIMEOUT,
  },
  {
    name: 'a log line whose toJSON loops',
    attack: 'LM_ERR({ toJSON() { for (;;) {} } }); return 1',
    expect: TIMEOUT,
  },
  {
    name: 'a generator without end',
    attack: 'for (const _ of (function* () { for (;;) yield 1 })()) {} return 1',
    expect: TIMEOUT,
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
    name: 'a sort whose comparison never ends',
    attack: 'return [3, 2, 1].sort(() => { for (;;) {} }).length',
    expect: TIMEOUT,
  },
  {
    name: 'a native call that takes long',
    attack:
      "return 'a'.repeat(2 ** 20).split('').sort().join('').length && new Array(2 ** 24).join('x').length && (() => { for (;;) {} })()",
    expect: EITHER,
  },
  {
    name: 'BigInts that grow, whose product nothing interrupts',
    attack: 'let n = 3n; for (;;) n *= n',
    expect: LOST,
    needsProcess: true,
  },
]

const MEMORY_BOMBS: HostileScript[] = [
  {
    name: 'an array of strings',
    attack: "const all = []; for (;;) all.push('x'.repeat(1000) + all.length)",
    expect: MEMORY,
  },
  { name: 'a string that doubles', attack: "let s = 'x'; for (;;) s += s", expect: [SCRIPT, MEMORY] },
  {
    name: 'a Map',
    attack: 'const all = new Map(); for (let i = 0; ; i++) all.set(i, { i })',
    expect: [MEMORY, SCRIPT],
  },
  {
    name: 'a Set of arrays',
    attack: 'const all = new Set(); for (;;) all.add([1, 2, 3, 4])',
    expect: [MEMORY, SCRIPT],
  },
  { name: 'objects that hold each other', attack: 'let o = {}; for (;;) o = { o, p: o }', expect: MEMORY },
  { name: 'closures', attack: 'let f = () => 1; for (;;) { const g = f; f = () => g }', expect: MEMORY },
  { name: 'one huge buffer', attack: 'return new Uint8Array(2 ** 31).length', expect: SCRIPT },
  {
    name: 'many buffers',
    attack: 'const all = []; for (;;) all.push(new Uint8Array(2 ** 20))',
    expect: [SCRIPT, MEMORY],
  },
  {
    name: 'a growing buffer',
    attack: 'const b = new ArrayBuffer(8, { maxByteLength: 2 ** 33 }); for (let n = 8; ; n *= 2) b.resize(n)',
    expect: SCRIPT,
  },
  {
    name: 'memory of WebAssembly',
    attack: 'return new WebAssembly.Memory({ initial: 60000 }).buffer.byteLength',
    expect: SCRIPT,
  },
  {
    name: 'regular expressions',
    attack:
      "const all = []; for (let i = 0; ; i++) { const r = new RegExp('(a' + i + ')*b'); r.test('aab'); all.push(r) }",
    expect: EITHER,
  },
  { name: 'promises', attack: 'const all = []; for (;;) all.push(new Promise(() => {}))', expect: MEMORY },
  {
    name: 'an error per frame',
    attack: 'const all = []; for (;;) all.push(new Error("x".repeat(1000)))',
    expect: EITHER,
  },
  {
    name: 'a string of all matches',
    attack: "const all = []; for (;;) all.push(...'ab'.repeat(500).matchAll(/a/g))",
    expect: EITHER,
  },
  {
    name: 'edits without end',
    attack: "for (let i = 0; ; i++) msg.appendHeader('X-' + i, 'y'.repeat(1000))",
    expect: EITHER,
  },
  {
    name: 'a body beyond the result limit',
    attack: "msg.setBody('x'.repeat(2 ** 20), 'text/plain'); return 1",
    expect: 'ERR_SIPLET_RESULT_TOO_LARGE',
  },
  { name: 'log lines without end', attack: "for (;;) LM_INFO('x'.repeat(1000))", expect: TIMEOUT },
  {
    name: 'messages kept for ever',
    attack: 'this.kept = []; for (;;) this.kept.push(msg.copy())',
    expect: EITHER,
  },
  {
    name: 'arrays of doubles',
    attack: 'const all = []; for (;;) all.push(new Array(1000).fill(1.5))',
    expect: [LOST, MEMORY, TIMEOUT],
    needsProcess: true,
  },
  {
    name: 'a string split into 500 million',
    attack: "return 'x'.repeat(5e8).split('').length",
    expect: [LOST, TIMEOUT],
    needsProcess: true,
  },
  {
    name: 'an array of 30 million',
    attack:
      'const a = []; for (let i = 0; i < 3e7; i++) a.push(i); const b = a.concat(a, a, a); return b.length',
    expect: [LOST, MEMORY, TIMEOUT],
    needsProcess: true,
  },
  {
    name: 'a JSON text of an array of 100 million',
    attack: 'return JSON.stringify(new Array(1e8).fill(1)).length',
    expect: [LOST, MEMORY, TIMEOUT, SCRIPT],
    needsProcess: true,
  },
]

const RECURSION: HostileScript[] = [
  { name: 'deep recursion', attack: 'const f = () => f() + 1; return f()', expect: STACK },
  {
    name: 'deep recursion through our getters',
    attack: "const f = () => { msg.getHeader('Subject'); return f() + 1 }; return f()",
    expect: STACK,
  },
  {
    name: 'deep recursion through our edits',
    attack: "const f = () => { msg.setHeader('Subject', 'x'); return f() + 1 }; return f()",
    expect: [STACK, TIMEOUT],
  },
  {
    name: 'deep recursion, caught each time, then an edit at the edge',
    attack:
      "const f = () => { try { f() } finally { msg.rewrite_ruri('sip:edge@example.net') } }; try { f() } catch {} return 1",
    expect: [TIMEOUT, 1],
  },
  {
    name: 'a cyclic JSON of deep nesting',
    attack: 'let a = []; for (let i = 0; i < 1e5; i++) a = [a]; return JSON.stringify(a).length',
    expect: [STACK, 200_002],
  },
  {
    name: 'recursion in a toJSON that we call',
    attack: 'const o = { toJSON() { return { o } } }; LM_ERR(o); return 3',
    expect: 3,
  },
]

const POLLUTION: HostileScript[] = [
  {
    name: 'Object.prototype',
    attack:
      "Object.prototype.start = 5; Object.prototype.get = () => 1; Object.defineProperty(Object.prototype, 'text', { get() { throw new Error('polluted') } }); return 1",
    expect: 1,
  },
  {
    name: 'Array.prototype',
    attack:
      "Array.prototype.push = () => 0; Array.prototype[Symbol.iterator] = null; Object.defineProperty(Array.prototype, '0', { set() { throw 1 }, get() { return 'evil' } }); return 1",
    expect: 1,
  },
  {
    name: 'String.prototype',
    attack:
      "for (const name of ['slice', 'indexOf', 'charCodeAt', 'startsWith', 'toLowerCase']) String.prototype[name] = () => 'evil'; return 1",
    expect: 1,
  },
  {
    name: 'RegExp.prototype',
    attack: 'RegExp.prototype.exec = () => ["evil"]; RegExp.prototype.test = () => false; return 1',
    expect: 1,
  },
  {
    name: 'JSON, Reflect and Math',
    attack:
      'JSON.stringify = () => "evil"; JSON.parse = () => ({}); Reflect.apply = () => 1; Math.min = () => 0; return 1',
    expect: 1,
  },
  {
    name: 'patched before the first call',
    setup:
      "String.prototype.slice = () => 'evil'; Array.prototype.map = () => []; Object.freeze = (o) => o; Number.isInteger = () => true;",
    attack: 'return 1',
    expect: 1,
  },
  {
    name: 'Number.isInteger made to lie',
    attack: "Number.isInteger = () => true; return 'not an integer'",
    expect: RETURN,
  },
  {
    name: 'the intrinsics behind our own functions',
    attack:
      'const F = msg.getHeader.constructor; F(\'String.prototype.slice = () => "evil"; Array.prototype.push = () => 0; RegExp.prototype.exec = () => null\')(); return 1',
    expect: [SCRIPT, 1],
  },
  {
    name: 'the prototype of msg',
    attack: "const p = Object.getPrototypeOf(msg); p.getHeader = () => 'evil'; return 1",
    expect: [SCRIPT, 1],
  },
  {
    name: 'Symbol.species and toPrimitive',
    attack:
      "Object.defineProperty(Array, Symbol.species, { value: function () { throw 1 } }); String.prototype[Symbol.toPrimitive] = () => 'evil'; return 1",
    expect: 1,
  },
  {
    name: 'the global object',
    attack: 'for (const k of Reflect.ownKeys(globalThis)) { try { globalThis[k] = null } catch {} } return 1',
    expect: 1,
  },
]

const ESCAPES: HostileScript[] = [
  {
    name: 'constructor.constructor',
    attack: "return typeof msg.constructor?.constructor?.('return process')()",
    expect: [SCRIPT, RETURN],
  },
  {
    name: 'Function of our realm',
    attack:
      "return msg.getHeader.constructor('return typeof process + typeof require')() === 'undefinedundefined' ? 1 : 2",
    expect: [1, SCRIPT],
  },
  {
    name: 'an error of ours as a way out',
    attack:
      "try { msg.getHeader(1) } catch (e) { return e.constructor.constructor('return typeof process')() === 'undefined' ? 1 : 2 }",
    expect: 1,
  },
  {
    name: 'a stack overflow within us as a way out',
    attack:
      "let e; const f = () => { try { msg.getHeader('x') } catch (x) { e ??= x } f() }; try { f() } catch (x) { e ??= x } return e.constructor.constructor('return typeof process')() === 'undefined' ? 1 : 2",
    expect: [1, SCRIPT],
  },
  { name: 'process', attack: 'return process.exit(1)', expect: SCRIPT },
  {
    name: 'require',
    attack: "return globalThis['req' + 'uire']('node:fs').readdirSync('/').length",
    expect: SCRIPT,
  },
  { name: 'import()', attack: "return import(['node', 'fs'].join(':'))", expect: RETURN },
  { name: 'SharedArrayBuffer', attack: 'return new SharedArrayBuffer(8).byteLength', expect: SCRIPT },
  { name: 'Atomics', attack: 'return Atomics.wait(new Int32Array(8), 0, 0) ? 1 : 2', expect: SCRIPT },
  {
    name: 'the shared area by way of our realm',
    attack:
      "const F = msg.getHeader.constructor; return F('return typeof output + typeof area + typeof siplet')() === 'undefinedundefinedundefined' ? 1 : 2",
    expect: [1, SCRIPT],
  },
  {
    name: 'fetch, timers and workers',
    attack:
      "return [typeof fetch, typeof setTimeout, typeof Worker, typeof XMLHttpRequest].every((t) => t === 'undefined') ? 1 : 2",
    expect: 1,
  },
]

const FORGERY: HostileScript[] = [
  {
    name: 'msg kept after its exec',
    setup: 'let kept;',
    attack: 'if (kept) { return kept.RURI.length } kept = msg; return 1',
    expect: 1,
  },
  {
    name: 'a private member called on something else',
    attack: "return Object.getPrototypeOf(msg).getHeader.call({}, 'Subject')",
    expect: SCRIPT,
  },
  {
    name: 'CR LF in every argument',
    attack:
      "let n = 0; for (const f of [() => msg.setHeader('X', 'a\\r\\nB: c'), () => msg.setHeader('X\\r\\nB', 'c'), () => msg.appendHeader('X', 'a\\nB: c'), () => msg.rewrite_ruri('sip:a@b\\r\\nX: y'), () => msg.set_dst_uri('sip:a\\r\\n'), () => msg.setBody('x', 'text/plain\\r\\nX: y'), () => msg.removeHeader('a\\r\\nb') && 0]) { try { f() } catch { n++ } } return n >= 6 && msg.raw.includes('\\nB: c') === false ? 1 : 2",
    expect: 1,
  },
  {
    name: 'an exotic string as argument',
    attack: "try { msg.setHeader(new String('X'), 'y'); return 2 } catch { return 1 }",
    expect: 1,
  },
  {
    name: 'lone surrogates and NUL',
    attack: "try { msg.setHeader('X', 'a\\u0000b') } catch {} msg.setHeader('Y', '\\ud800'); return 1",
    expect: [SCRIPT, 1],
  },
  { name: 'Content-Length forged', attack: "msg.setHeader('Content-Length', '0'); return 1", expect: SCRIPT },
  { name: 'throwing null', attack: 'throw null', expect: SCRIPT },
  {
    name: 'throwing a Proxy that throws',
    attack: 'throw new Proxy({}, { get() { throw 1 }, getPrototypeOf() { throw 2 } })',
    expect: SCRIPT,
  },
  {
    name: 'throwing a revoked Proxy',
    attack: 'const { proxy, revoke } = Proxy.revocable({}, {}); revoke(); throw proxy',
    expect: SCRIPT,
  },
  { name: 'throwing a Symbol', attack: 'throw Symbol("x")', expect: SCRIPT },
  { name: 'returning a huge number', attack: 'return 2 ** 40', expect: RETURN },
  { name: 'returning NaN', attack: 'return NaN', expect: RETURN },
  {
    name: 'methods of the handler replaced during a call',
    attack: 'this.attack = 5; this.x = 1; return 1',
    expect: 1,
  },
  {
    name: 'a method that is a getter which loops',
    setup: '',
    attack: "Object.defineProperty(this, 'attack', { get() { for (;;) {} }, configurable: true }); return 1",
    expect: 1,
  },
]

export const HOSTILE_SCRIPTS: readonly HostileScript[] = [
  ...LOOPS,
  ...MEMORY_BOMBS,
  ...RECURSION,
  ...POLLUTION,
  ...ESCAPES,
  ...FORGERY,
]
