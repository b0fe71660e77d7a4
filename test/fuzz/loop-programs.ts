/**
 * Random small programs of loops. Every single statement ends soon and allocates little. But the loops around it run
 * for hours, so the program only ends if the isolate is interrupted.
 */
import { uniformInt } from 'pure-rand/distribution/uniformInt'
import type { RandomGenerator } from 'pure-rand/types/RandomGenerator'

export type LoopLanguage = 'javascript' | 'python'

/** A statement, or a loop around statements. */
export type Part = string | { head: string; tail: string; body: readonly Part[] }

export interface Program {
  language: LoopLanguage
  body: readonly Part[]
  /** Whether the script creates its loops from a text with `new Function`. */
  ofText: boolean
}

/** Variables that the statements use. */
const SETUP = `
  const a = [1, 2, 3, 4, 5, 6, 7, 8], dbl = [0.5, 1.5, 2.5], kept = [], t = new Int32Array(64), f = new Float64Array(64)
  const m = new Map([[1, 1]]), q = new Set([1, 2]), w = new WeakMap(), o = { a: 1, b: 2, c: { d: 3 } }, u8 = new Uint8Array(32)
  let n = 1, x = 0.5, s = 'abcdefgh', b = 3n, k = 0, z = null
  const r = /b(c+)d/g, date = new Date(0), buffer = new DataView(new ArrayBuffer(64))
  const proxy = new Proxy({ v: 1 }, { get: (target, key) => target[key], set: (target, key, value) => { target[key] = value; return true } })
  class A { #p = 1; get p() { return this.#p } set p(value) { this.#p = value } method(i) { return i + this.#p } static make() { return new A() } }
  class B extends A { method(i) { return super.method(i) + 1 } }
  const objects = [new A(), new B(), new A(), new B()]
  function* endless() { let i = 0; for (;;) yield i++ }
  function* few() { yield 1; yield 2; yield 3 }
  const iterator = endless(), closures = [(v) => v + 1, (v) => v ^ n, (v) => { n = v | 0; return n }]
  const add = (v) => { n = (n + v) | 0; return n }, symbol = Symbol('s')`

const JAVASCRIPT: readonly string[] = [
  'n = (n * 31 + k) | 0',
  'n ^= n << 13; n ^= n >>> 17; n ^= n << 5',
  'x = x * 3.9 * (1 - x)',
  'x = Math.sin(x) + Math.sqrt(Math.abs(x))',
  'x = Math.hypot(x, 1) % 7; n = Math.imul(n, 3) + Math.clz32(n)',
  'n = n % 1000003 + 1',
  'a[n & 7] = n',
  'a[k & 7] += a[(k + 1) & 7]',
  'a.reverse()',
  'a.sort()',
  'a.sort((p, q) => q - p)',
  'a.push(n); a.shift()',
  'a.unshift(n); a.pop()',
  'a.length = 8',
  'n = a.indexOf(n) + a.lastIndexOf(1)',
  'n = a.reduce((p, v) => (p + v) | 0, 0)',
  'a.forEach(add)',
  'n = a.map((v) => v + 1).filter((v) => v & 1).length',
  'n = a.some((v) => v === -1) ? 1 : a.findIndex((v) => v > 3)',
  'n = [...a].length + [1, 2, ...a].length',
  'const [p, ...rest] = a; n = p + rest.length',
  'n = a.concat([1, 2]).slice(1, 4).length',
  'a.fill(n, 2, 5); a.copyWithin(0, 4)',
  'n = Array.from({ length: 4 }, (_, i) => i).length',
  'n = new Array(n & 15).length',
  'n = Array.isArray(a.flat()) ? 1 : 2',
  'n = a.with(0, n).toSorted()[0] | 0',
  'n = a.at(-1) | 0; a.splice(2, 1, n)',
  'n = Object.groupBy(a, (v) => v & 1)[1]?.length | 0',
  'dbl[k % 3] = x; x = dbl[0] + dbl[1]',
  'kept.push(new Array(1000))',
  'kept.push({ n, s })',
  'kept.push([n])',
  'kept.push(new Array(50).fill(k))',
  'kept.push(() => n)',
  'kept.push(s + n)',
  'z = { z, n }',
  'z = [z]',
  't[k & 63] = t[(k + 1) & 63] + 1',
  'f[k & 63] = x; x = f[n & 63]',
  't.sort(); t.reverse()',
  't.fill(n); t.set(a)',
  'n = t.subarray(4, 8).length + t.indexOf(3)',
  'n = t.reduce((p, v) => p + v, 0) | 0',
  'u8[n & 31] = n; n = u8[k & 31]',
  'buffer.setFloat64(8, x); n = buffer.getInt32(8)',
  'n = new Uint8Array(16).length',
  's = (s + n).slice(-40)',
  "s = s.replace('a', 'b').padStart(8, 'ab')",
  "n = s.indexOf('c') + s.charCodeAt(n & 7) | 0",
  "s = s.split('').reverse().join('')",
  's = s.toUpperCase().toLowerCase().trim()',
  "n = s.localeCompare('abc')",
  's = String.fromCharCode(97 + (n & 15)).repeat(8)',
  'n = [...s].length + s.codePointAt(0) | 0',
  "s = (n + '' + x).slice(0, 20)",
  "s = s.normalize('NFC').at(0) + 'bcdefgh'",
  "n = s.concat('x').includes('xyz') ? 1 : 0",
  'm.set(k & 255, n); n = m.get(n & 255) | 0',
  'm.set(k, n)',
  'm.delete(k & 255); n = m.size',
  'for (const [key, value] of m) { n = (n + key + value) | 0; if (key > 8) break }',
  'q.add(k & 127); q.delete(n & 127)',
  'n = q.union(new Set([1])).size',
  'q.forEach((v) => { n ^= v })',
  'w.set({}, n)',
  'const o2 = { ...o, n }; n = o2.a + o2.b',
  "o['p' + (k & 15)] = n; n = Object.keys(o).length",
  'delete o.a; o.a = n',
  'for (const key in o) n = (n + key.length) | 0',
  'n = Object.entries(o).length + Object.assign({}, o).b | 0',
  'o.c.d = o.c.d + 1 | 0',
  'const { a: p1, c: { d: p2 } } = o; n = (p1 + p2) | 0',
  'n = Object.freeze({ n }).n',
  'Object.defineProperty(o, "h", { value: n, configurable: true, writable: true })',
  'n = JSON.stringify(a).length',
  'n = JSON.parse("[1,2,{\\"a\\":3}]").length',
  'n = JSON.parse(JSON.stringify({ n, s })).n',
  'n = r.test(s) ? 1 : r.lastIndex',
  'n = s.match(/[a-f]+/)?.[0].length | 0',
  "s = s.replace(/[^a-z]/g, 'q') + 'abcd'; s = s.slice(-20)",
  'n = [...s.matchAll(/b/g)].length',
  'n = s.split(/[cd]/).length',
  "n = new RegExp('a' + (n & 7)).test(s) ? 1 : 2",
  'n = /^(a|b)*?$/.exec(s.slice(0, 12)) ? 1 : 2',
  'b = BigInt.asUintN(128, b * 3n + 1n)',
  'b = BigInt.asIntN(64, b ^ BigInt(n))',
  'n = Number(b & 1023n)',
  'b = (b << 3n) % 1000000007n',
  'n = b.toString().length',
  'n = BigInt(n).toString(16).length',
  'date.setTime(n); n = date.getDay()',
  'n = date.toISOString().length',
  'n = Date.now() & 1023',
  "n = Date.parse('2026-01-01') & 7",
  'n = new Date(n * 1000).getTimezoneOffset()',
  "n = typeof Intl === 'object' ? new Intl.NumberFormat('en').format(n).length : 1",
  'n = (1234.5).toLocaleString().length + (255).toString(2).length + x.toFixed(3).length',
  'n = parseInt(s, 36) | 0; x = parseFloat("0.5")',
  'n = iterator.next().value | 0',
  'for (const v of few()) n = (n + v) | 0',
  'n = [...few()].length',
  'n = Math.max(...few())',
  'for (const v of endless()) { n = v; if (v > 9) break }',
  'n = endless().take(5).map((v) => v + 1).toArray().length',
  'proxy.v = proxy.v + 1 | 0',
  "n = 'v' in proxy ? Reflect.ownKeys(proxy).length : 0",
  'n = Reflect.get(proxy, "v") | 0',
  'n = closures[k % 3](n) | 0',
  'n = objects[k & 3].method(n) | 0',
  'objects[k & 3].p = n; n = objects[n & 3].p | 0',
  'n = A.make() instanceof B ? 1 : 2',
  'n = (() => { let i = 0; return () => ++i })()()',
  'n = Reflect.apply(add, null, [1])',
  'n = add.call(null, 1) + add.bind(null, 2)()',
  'n = ((...args) => args.length)(...a)',
  'n = (function () { return arguments.length })(1, 2, n)',
  'o[symbol] = n; n = Symbol.for("y").description.length',
  'try { if (n & 1) throw n; n++ } catch (e) { n = e + 1 | 0 }',
  'try { null.x } catch (e) { n = e.message.length }',
  'try { n = new Error("x").stack.length } finally { k++ }',
  'switch (n & 3) { case 0: n += 5; break; case 1: n -= 3; default: n ^= 7 }',
  'if (n > 1e9) n = 1; else n += 3',
  'n = n > 0 && x < 1 ? k : (n ?? 0) + 1 | 0',
  'n = o?.c?.d ?? 1',
  'n = [3, 1, 2].toSorted().indexOf(2) + Number.isInteger(x)',
  'new Promise((resolve) => resolve(n)).then(add)',
  '(async () => { await null; n++ })()',
  "n = encodeURIComponent(s).length + decodeURI('%41').length + escape(s).length",
  "n = msg.getHeader('Call-ID').length",
  'n = msg.RURI.length + msg.Method.length',
  "msg.set_dst_uri('sip:a@example.net')",
  "n = eval('1 + 1')",
  "n = new Function('return 1')()",
  'n = structure(4)',
  'n = Array.prototype.indexOf.call({ length: 100, 99: 7 }, 7)',
  'n = new WeakRef(o).deref().b | 0',
  'n = new Date(2026, 1, n & 31).getDate()',
  'n = s.isWellFormed() ? s.search(/d/) : 0',
  'n = Uint8Array.from([1, 2, 3]).join("").length',
]

/** Heads of loops that do not end for hours. `body` is the text between head and tail. */
const LONG_HEADS: readonly (readonly [head: string, tail: string])[] = [
  ['for (;;) {', '}'],
  ['while (true) {', '}'],
  ['for (let i = 0; i < 1e12; i++) {', '}'],
  ['for (let i = 0; ; i = (i + 1) | 0) { k = i', '}'],
  ['do {', '} while (n !== 0.5)'],
  ['for (const v of endless()) { k = v & 1023', '}'],
  ['while (k !== -1) { k = (k + 1) & 0xffff', '}'],
  ['for (let i = 1; i > 0; i += 1e-9) {', '}'],
  ['for (let i = 0n; ; i++) {', '}'],
  ['for (k = 0; ; k++) {', '}'],
  ['outer: for (;;) {', 'if (n === 12345) continue outer }'],
  ['for (;;) { try {', '} catch {} }'],
  ['for (;;) { try {', '} finally { k++ } }'],
  ['for (let i = 0; i < a.length || true; i++) { k = i & 7', '}'],
  ['for (const v of { [Symbol.iterator]: () => ({ next: () => ({ value: 1, done: false }) }) }) {', '}'],
  ['while (a.length > 0) { if (a.length < 9) a.push(1)', '}'],
  ['const spin = () => {', '}; for (;;) spin()'],
  ['const again = () => {', 'return n }; for (let i = 0; ; i++) k = again(i) | 0'],
]

/** Heads of loops that end soon, to be unrolled, peeled or inlined. */
const SHORT_HEADS: readonly (readonly [head: string, tail: string])[] = [
  ['for (let j = 0; j < 4; j++) {', '}'],
  ['for (let j = 0; j < a.length && j < 8; j++) {', '}'],
  ['for (let j = 3; j--; ) {', '}'],
  ['for (const v of a.slice(0, 8)) {', '}'],
  ['for (let j = 0; j < 100; j++) { k = j', '}'],
  ['for (let j = 0; j < 10000; j += 7) {', '}'],
  ['for (let j = 0, e = t.length; j < e; j++) { t[j] = j', '}'],
  ['if (n & 1) {', '}'],
  ['for (let j = 0; j < 16; j++) { if (j === 9) break', '}'],
  ['let j = 0; while (j < 8) { j++', '}'],
  ['[1, 2, 3].forEach((v) => {', '})'],
  ['for (const key in { a: 1, b: 2 }) {', '}'],
]

const PYTHON: readonly string[] = [
  'n = (n * 31 + 7) & 0xffff',
  'x = x * 3.9 * (1 - x)',
  'a[n & 7] = n',
  'a.append(n); a.pop(0)',
  'a.sort()',
  'a.reverse()',
  'n = sum(a) & 255',
  'n = len([v for v in a if v & 1])',
  'n = len(list(map(lambda v: v + 1, a)))',
  'kept.append([0] * 100)',
  'kept.append(str(n))',
  "s = (s + 'x')[-20:]",
  "n = s.find('b')",
  "s = ''.join(reversed(s))",
  "s = s.replace('a', 'b').upper().lower()",
  "n = len(s.split('c'))",
  'd[n & 63] = n',
  'd[n] = n',
  'n = d.get(n & 63, 0)',
  'n = len(sorted(d.items())[:3])',
  'q.add(n & 31)',
  'n = int(str(n)) & 255',
  'n = (3 ** 40) % 1000 + (n & 1)',
  'n = next(it) & 255',
  'n = sum(few())',
  'n = len(json.dumps(a))',
  'n = len(json.loads("[1, 2, 3]"))',
  'n = 1 if re.match("(a|b)+c", s) else 2',
  "n = len(struct.pack('<id', n & 7, x))",
  'n = obj.method(n) & 255',
  'obj.v = n',
  'try: raise ValueError(n)\nexcept ValueError as e: n = 1',
  "n = len('%d %s' % (n, s))",
  "n = len(msg.getHeader('Call-ID'))",
  'n = len(bytes(16)) + hash(s) & 7',
  'n = max(a) & 255',
  'n = isinstance(n, int) + callable(obj.method)',
  "n = eval('1 + 1')",
]
const PYTHON_SETUP = `
        import json, re, struct
        a = [1, 2, 3, 4, 5, 6, 7, 8]
        kept = []
        d = {}
        q = set()
        n = 1
        x = 0.5
        s = 'abcdefgh'
        obj = Thing()
        it = endless()`
const PYTHON_LONG: readonly string[] = [
  'while True:',
  'for i in range(10 ** 9):',
  'for i in endless():',
  'while n != 0.5:',
  'while not (n is None):',
]
const PYTHON_SHORT: readonly string[] = [
  'for j in range(4):',
  'for v in a[:8]:',
  'if n & 1:',
  'for j in few():',
]

/** Returns the program of that random source: always the same. */
export function programOf(random: RandomGenerator, language: LoopLanguage): Program {
  const below = (limit: number) => uniformInt(random, 0, limit - 1)
  const pick = <T>(list: readonly T[]): T => list[below(list.length)]!
  const python = language === 'python'
  const statements = (depth: number): Part[] => Array.from({ length: 1 + below(4) }, () => part(depth))
  const part = (depth: number): Part => {
    if (depth < 3 && below(4) === 0) return loop(python ? PYTHON_SHORT.map(bare) : SHORT_HEADS, depth)
    return pick(python ? PYTHON : JAVASCRIPT)
  }
  const loop = (heads: readonly (readonly [string, string])[], depth: number): Part => {
    const [head, tail] = pick(heads)
    return { head, tail, body: statements(depth + 1) }
  }
  const before = below(3) === 0 ? statements(2) : []
  const body = [...before, loop(python ? PYTHON_LONG.map(bare) : LONG_HEADS, 0)]
  return { language, body, ofText: !python && below(4) === 0 }
}

const bare = (head: string) => [head, ''] as const

/** Returns the script. */
export function sourceOf({ language, body, ofText }: Program): string {
  if (language === 'python') {
    return `
def endless():
    i = 0
    while True:
        yield i
        i += 1
def few():
    yield 1
    yield 2
class Thing:
    v = 1
    def method(self, i): return i + self.v
    def child_init(self, rank): return 0
    def attack(self, msg):${PYTHON_SETUP}
${body.map((part) => pythonText(part, 8)).join('\n')}
        return 1
def mod_init(): return Thing()
`
  }
  const text = `${SETUP}
${body.map((part) => javascriptText(part, 2)).join('\n')}
  return 1
`
  const attack = ofText
    ? `return new Function('msg', 'structure', ${JSON.stringify(text)})(msg, structure)`
    : text
  return `
const structure = (depth) => depth === 0 ? 1 : structure(depth - 1) + 1
function mod_init() { return { child_init: () => 0, attack(msg) {${attack}} } }
`
}

function javascriptText(part: Part, indent: number): string {
  const space = ' '.repeat(indent)
  if (typeof part === 'string') return `${space}{ ${part} }`
  const inner = part.body.map((one) => javascriptText(one, indent + 2)).join('\n')
  const block = `${space}  ${part.head}\n${inner}\n${space}  ${part.tail}`
  return `${space}{\n${block}\n${space}}`
}

function pythonText(part: Part, indent: number): string {
  const space = ' '.repeat(indent)
  if (typeof part === 'string') return part.replace(/^/gm, space)
  const inner = part.body.map((one) => pythonText(one, indent + 4)).join('\n')
  return `${space}${part.head}\n${inner || `${space}    pass`}`
}

/** Yields all programs with one part fewer, larger parts first. A loop is also replaced by its content. */
export function* withoutOnePart(program: Program): Generator<Program> {
  for (const body of smaller(program.body)) yield { ...program, body }
}

function* smaller(body: readonly Part[]): Generator<Part[]> {
  for (let index = 0; index < body.length; index++) yield body.toSpliced(index, 1)
  for (let index = 0; index < body.length; index++) {
    const part = body[index]!
    if (typeof part === 'string') continue
    for (const inner of smaller(part.body)) yield body.with(index, { ...part, body: inner })
  }
}
