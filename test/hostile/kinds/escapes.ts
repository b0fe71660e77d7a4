/**
 * Scripts that search for the host, the prelude or any object of another realm. Most return 1 if they found nothing,
 * and 2 if they found something.
 */
import { EITHER, IMPORT, type Kind, LOST, MEMORY, RETURN, SCRIPT, STACK, TIMEOUT } from '../attack.ts'

/**
 * `isForeign` returns whether the value, or anything reachable from it by prototypes and constructors, belongs to
 * another realm. `walk` visits everything that is reachable by properties.
 */
const REALMS = `
const isForeign = (value) => {
  if (value === null || (typeof value !== 'object' && typeof value !== 'function')) return false
  let last = value
  for (let next = value; next !== null; next = Object.getPrototypeOf(next)) last = next
  return last !== Object.prototype && last !== value && !own.has(last)
}
const own = new Set()
const walk = (root) => {
  const seen = new Set(), pending = [root]
  while (pending.length > 0) {
    const value = pending.pop()
    if (value === null || (typeof value !== 'object' && typeof value !== 'function') || seen.has(value)) continue
    seen.add(value)
    if (isForeign(value)) return 2
    pending.push(Object.getPrototypeOf(value))
    for (const key of Reflect.ownKeys(value)) {
      const descriptor = Reflect.getOwnPropertyDescriptor(value, key)
      pending.push(descriptor.get, descriptor.set, descriptor.value)
      if (descriptor.get) try { pending.push(Reflect.apply(descriptor.get, root, [])) } catch (e) { pending.push(e) }
    }
  }
  return 1
}`

const CALL_SITES = `
${REALMS}
const found = []
Error.prepareStackTrace = (error, sites) => {
  for (const site of sites) for (const name of Object.getOwnPropertyNames(Object.getPrototypeOf(site)))
    try { const value = site[name](); if (typeof value === 'object' || typeof value === 'function') found.push(value) } catch {}
  return 'x'
}`
const VERDICT = 'return found.some((v) => v !== globalThis && v !== this && walk(v) === 2) ? 2 : 1'

export const ESCAPES: Kind = {
  title: 'looks for the host, or for a realm that is not its own',
  attacks: {
    JavaScript: [
      {
        name: 'constructor.constructor',
        attack: "return typeof msg.constructor?.constructor?.('return process')()",
        expect: [SCRIPT, RETURN],
      },
      {
        name: 'Function by a method of msg',
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
      {
        name: 'import()',
        attack: "return import(['node', 'fs'].join(':'))",
        expect: [RETURN, SCRIPT, IMPORT],
      },
      {
        name: 'import() through new Function',
        attack: 'return new Function(\'return import("node:fs")\')()',
        expect: [RETURN, SCRIPT],
      },
      {
        name: 'import() of data:',
        attack: "return import(['data:text/javascript', 'export default process'].join(','))",
        expect: [RETURN, SCRIPT, IMPORT],
      },
      {
        name: 'import() of a number made text',
        attack: "return import({ toString() { return 'node:fs' } })",
        expect: [RETURN, SCRIPT, IMPORT],
      },
      {
        name: 'import.meta',
        attack: "return new Function('return import.meta.url.length')()",
        expect: SCRIPT,
      },
      {
        name: 'import source',
        attack: 'return new Function(\'return import.source("x")\')()',
        expect: [SCRIPT, RETURN],
      },
      { name: 'SharedArrayBuffer', attack: 'return new SharedArrayBuffer(8).byteLength', expect: SCRIPT },
      { name: 'Atomics', attack: 'return Atomics.wait(new Int32Array(8), 0, 0) ? 1 : 2', expect: SCRIPT },
      {
        name: 'SharedArrayBuffer in the realm of a method of msg',
        attack: "return msg.getHeader.constructor('return new SharedArrayBuffer(8).byteLength')()",
        expect: SCRIPT,
      },
      {
        name: 'the shared area in the realm of a method of msg',
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
      {
        name: 'globals of Node and of isolated-vm',
        attack:
          "return ['process', 'require', 'global', 'Buffer', 'module', 'exports', '__dirname', 'ivm', 'isolate', 'setImmediate', 'structuredClone', 'performance', 'gc', 'print', 'load', 'd8', 'quit', 'read', 'Deno', 'Bun'].filter((n) => n in globalThis).length",
        expect: 0,
      },
      {
        name: 'everything that globalThis leads to',
        setup: REALMS,
        attack: 'return walk(globalThis)',
        expect: [1, TIMEOUT, MEMORY],
      },
      { name: 'everything that msg leads to', setup: REALMS, attack: 'return walk(msg)', expect: 1 },
      {
        name: 'everything that a copy of msg leads to',
        setup: REALMS,
        attack: 'return walk(msg.copy())',
        expect: 1,
      },
      { name: 'everything that this leads to', setup: REALMS, attack: 'return walk(this)', expect: 1 },
      {
        name: 'everything that arguments lead to',
        setup: REALMS,
        attack: 'return walk(arguments)',
        expect: 1,
      },
      {
        name: 'everything that results of msg lead to',
        setup: REALMS,
        attack:
          "return [msg.src_address, msg.dst_address, msg.getHeaders('Via'), msg.headerNames(), msg.copy()].some((v) => walk(v) === 2) ? 2 : 1",
        expect: 1,
      },
      {
        name: 'everything that errors of each member lead to',
        setup: REALMS,
        attack: `
const p = Object.getPrototypeOf(msg)
for (const key of Reflect.ownKeys(p)) {
  const d = Reflect.getOwnPropertyDescriptor(p, key)
  for (const f of [d.get, d.set, d.value]) {
    if (typeof f !== 'function') continue
    for (const [self, args] of [[{}, []], [msg, [1]], [null, ['a', 'b', 'c']], [msg, [Symbol()]], [new Proxy({}, {}), ['\\r\\n']], [msg, ['\\r\\n', '\\r\\n']]])
      try { const v = Reflect.apply(f, self, args); if (walk(v) === 2) return 2 } catch (e) { if (walk(e) === 2) return 2 }
  }
}
return 1`,
        expect: 1,
      },
      {
        name: 'members of msg as constructors',
        setup: REALMS,
        attack: `
const p = Object.getPrototypeOf(msg)
for (const key of Reflect.ownKeys(p)) {
  const f = Reflect.getOwnPropertyDescriptor(p, key).value
  try { if (walk(new f('x')) === 2) return 2 } catch (e) { if (walk(e) === 2) return 2 }
  try { if (walk(class extends f {}) === 2) return 2 } catch (e) { if (walk(e) === 2) return 2 }
}
return 1`,
        expect: 1,
      },
      {
        name: 'call sites: what they give',
        setup: CALL_SITES,
        attack: `new Error('x').stack; ${VERDICT}`,
        expect: 1,
      },
      {
        name: 'call sites of an error of ours',
        setup: CALL_SITES,
        attack: `try { msg.getHeader() } catch (e) { e.stack } ${VERDICT}`,
        expect: 1,
      },
      {
        name: 'call sites of a native error within us',
        setup: CALL_SITES,
        attack: `const f = () => { try { msg.getHeader('x') } catch (e) { e.stack } f() }; try { f() } catch (e) { e.stack } ${VERDICT}`,
        expect: [1, SCRIPT, STACK, TIMEOUT],
      },
      {
        name: 'call sites by Error.captureStackTrace',
        setup: CALL_SITES,
        attack: `const o = {}; Error.captureStackTrace(o); o.stack; ${VERDICT}`,
        expect: 1,
      },
      {
        name: 'call sites in child_init',
        setup: `${CALL_SITES}\nnew Error('x').stack`,
        attack: VERDICT,
        expect: 1,
      },
      {
        name: 'call sites of an error that the engine describes',
        setup: `${CALL_SITES}\nlet kept = 0`,
        attack: `if (kept++ > 0) { ${VERDICT} } throw new Error('x')`,
        expect: SCRIPT,
      },
      {
        name: 'getFunction of each call site, called',
        setup: `
const functions = []
Error.prepareStackTrace = (e, sites) => { for (const s of sites) { functions.push(s.getFunction?.(), s.getThis?.()) } return 'x' }`,
        attack: `
new Error('x').stack
for (const f of functions) if (typeof f === 'function' && f !== this.attack) try { f(false, '') } catch {}
return 1`,
        expect: [1, SCRIPT],
      },
      {
        name: 'run of the prelude, found by getThis, with messages of others',
        setup: `
let entrance
Error.prepareStackTrace = (e, sites) => { for (const s of sites) { const t = s.getThis?.(); if (t && t.run) entrance = t } return 'x' }`,
        attack: "new Error('x').stack; if (!entrance) return 1; entrance.run(false, ''); return 2",
        expect: 1,
      },
      {
        name: 'the realm object of the prelude, found by getThis, replaced',
        setup: `
Error.prepareStackTrace = (e, sites) => { for (const s of sites) { const t = s.getThis?.(); if (t && t !== globalThis && t.tuple) { t.tuple = () => ['evil', 1]; t.list = () => []; t.error = () => 5 } } return 'x' }`,
        attack:
          "try { msg.getHeader() } catch (e) { e.stack } msg.src_address; new Error('x').stack; return 1",
        expect: 1,
      },
      {
        name: 'prepareStackTrace of the realm of a method of msg',
        attack:
          "const E = msg.getHeader.constructor('return Error')(); if (E === Error) return 1; E.prepareStackTrace = () => 1; return 2",
        expect: [1, SCRIPT],
      },
      {
        name: 'caller of a function',
        attack:
          'function f() { return f.caller } const c = f(); return c === null || c === this.attack ? 1 : 2',
        expect: [1, SCRIPT],
      },
      {
        name: 'caller of the method',
        attack: 'return this.attack.caller === null ? 1 : 2',
        expect: [1, SCRIPT],
      },
      {
        name: 'callers in a row',
        setup: REALMS,
        attack:
          'let f = this.attack; for (let i = 0; i < 20 && f; i++) { f = f.caller; if (isForeign(f)) return 2 } return 1',
        expect: [1, SCRIPT],
      },
      {
        name: 'arguments.callee and its caller',
        attack: 'return arguments.callee.caller === null ? 1 : 2',
        expect: [1, SCRIPT],
      },
      {
        name: 'arguments of the caller',
        attack: 'return this.attack.arguments === null || this.attack.arguments.length === 1 ? 1 : 2',
        expect: [1, SCRIPT],
      },
      {
        name: 'a getter on the handler that sees who reads it',
        setup: CALL_SITES,
        attack: `const self = this, own = this.attack; Object.defineProperty(this, 'attack', { configurable: true, get() { new Error('x').stack; return own } }); this.attack; ${VERDICT}`,
        expect: 1,
      },
      {
        name: 'a handler whose prototype is a Proxy that sees who asks',
        setup: CALL_SITES,
        attack: `const p = Object.getPrototypeOf(this); Object.setPrototypeOf(this, new Proxy(p, { get(t, k, r) { new Error('x').stack; return Reflect.get(t, k, r) } })); ${VERDICT}`,
        expect: 1,
      },
      {
        name: 'a log argument that sees who reads it',
        setup: CALL_SITES,
        attack: `LM_INFO({ get stack() { new Error('x').stack }, toJSON() { new Error('x').stack; return 1 }, [Symbol.toPrimitive]() { new Error('x').stack; return 'x' } }); ${VERDICT}`,
        expect: 1,
      },
      {
        name: 'the arguments that toJSON is given',
        setup: REALMS,
        attack:
          'let found = 1; LM_INFO({ toJSON() { if ([...arguments].some((a) => isForeign(a))) found = 2; return 1 } }); return found',
        expect: 1,
      },
      {
        name: 'a log argument that is a Proxy with every trap',
        setup: `${REALMS}
const foreign = []
const traps = new Proxy({}, { get: (_, name) => (...args) => { if (args.some((a) => isForeign(a))) foreign.push(name); return Reflect[name](...args) } })`,
        attack:
          'LM_INFO(new Proxy({ a: 1 }, traps)); LM_ERR(new Proxy([], traps)); console.log(new Proxy(() => 1, traps)); return foreign.length',
        expect: [0, SCRIPT],
      },
      {
        name: 'a thrown Proxy with every trap',
        setup: `${REALMS}
let foreign = 0
const traps = new Proxy({}, { get: (_, name) => (...args) => { if (args.some((a) => isForeign(a))) foreign++; return Reflect[name](...args) } })`,
        attack: 'if (foreign) return 2; throw new Proxy(new Error("x"), traps)',
        expect: SCRIPT,
      },
      {
        name: 'a result that is a Proxy with every trap',
        setup: `${REALMS}
const traps = new Proxy({}, { get: (_, name) => (...args) => { if (args.some((a) => isForeign(a))) throw 1; return Reflect[name](...args) } })`,
        attack: 'return new Proxy(function () {}, traps)',
        expect: RETURN,
      },
      {
        name: 'msg as the target of a Proxy',
        setup: REALMS,
        attack:
          "const p = new Proxy(msg, {}); try { p.getHeader('x'); return 2 } catch (e) { return walk(e) }",
        expect: 1,
      },
      {
        name: 'msg as a prototype',
        setup: REALMS,
        attack: 'try { Object.create(msg).RURI; return 2 } catch (e) { return walk(e) }',
        expect: 1,
      },
      {
        name: 'private members by a subclass that returns msg',
        attack:
          'class B { constructor(o) { return o } } class T extends B { #x = 1; static read(o) { return o.#x } } new T(msg); return T.read(msg)',
        expect: 1,
      },
      {
        name: 'Symbol.hasInstance and species on members',
        attack:
          "for (const s of [Symbol.hasInstance, Symbol.species, Symbol.iterator]) try { Object.defineProperty(msg.getHeader, s, { value: () => { throw 1 } }) } catch {} msg.getHeaders('Via'); return 1",
        expect: 1,
      },
      {
        name: 'a regular expression in getHeader',
        attack: 'return msg.getHeader(/x/) === null ? 1 : 2',
        expect: SCRIPT,
      },
      {
        name: 'the async function constructor',
        attack: "return (async () => {}).constructor('return typeof process')()",
        expect: RETURN,
      },
      {
        name: 'the generator function constructor',
        attack:
          "return (function* () {}).constructor('yield typeof process')().next().value === 'undefined' ? 1 : 2",
        expect: [1, SCRIPT],
      },
      {
        name: 'eval in a method of msg',
        attack: "return (0, eval)('typeof process') === 'undefined' ? 1 : 2",
        expect: [1, SCRIPT],
      },
      {
        name: 'a new realm by ShadowRealm',
        attack: "return new ShadowRealm().evaluate('1')",
        expect: SCRIPT,
      },
      {
        name: 'HTML comments and hashbang in eval',
        attack: "return (0, eval)('<!-- x\\n1')",
        expect: [1, SCRIPT],
      },
      { name: 'natives syntax', attack: "return (0, eval)('%GetOptimizationStatus(1)')", expect: SCRIPT },
      {
        name: 'V8 extensions',
        attack:
          "return typeof externalizeString + typeof gc + typeof version === 'undefinedundefinedundefined' ? 1 : 2",
        expect: 1,
      },
      {
        name: 'a class static block that throws msg',
        attack: 'class A { static { throw msg } }',
        expect: SCRIPT,
      },
      { name: 'msg thrown', attack: 'throw msg', expect: SCRIPT },
      { name: 'msg returned', attack: 'return msg', expect: RETURN },
      { name: 'a member of msg returned', attack: 'return msg.getHeader', expect: RETURN },
      { name: 'globalThis returned', attack: 'return globalThis', expect: RETURN },
      { name: 'a valueOf that makes a result', attack: 'return { valueOf() { return 7 } }', expect: RETURN },
      {
        name: 'a toPrimitive that makes a result',
        attack: 'return { [Symbol.toPrimitive]() { return 7 } }',
        expect: RETURN,
      },
      {
        name: 'a tagged template whose strings are kept',
        attack: 'const t = (s) => s; const a = () => t`x`; return a() === a() && walk ? 1 : 2',
        setup: REALMS,
        expect: 1,
      },
      { name: 'a debugger statement', attack: 'debugger; return 1', expect: 1 },
      {
        name: 'a stack frame that names files of the host',
        attack:
          "return /node_modules|\\/packages\\/|file:\\/\\/|node:internal/.test(new Error('x').stack) ? 2 : 1",
        expect: 1,
      },
      {
        name: 'an error of ours that names files of the host',
        attack:
          'try { msg.getHeader() } catch (e) { return /node_modules|\\/packages\\/|file:\\/\\/|node:internal/.test(e.stack) ? 2 : 1 }',
        expect: 1,
      },
    ],
    Python: [
      {
        name: 'import js',
        attack: "import js\nreturn 2 if hasattr(js, 'globalThis') or hasattr(js, 'eval') else 1",
        expect: [1, SCRIPT],
      },
      {
        name: 'import jsffi',
        attack: "import jsffi\nreturn jsffi.create_proxy(lambda: 1).constructor.constructor('return 1')()",
        expect: SCRIPT,
      },
      {
        name: 'every attribute of jsffi called',
        attack: `
try: import jsffi
except ImportError: return 1
for n in dir(jsffi):
    for args in ((), (1,), (lambda: 1,), ('x', 'y')):
        try: getattr(jsffi, n)(*args)
        except Exception: pass
return 1`,
        expect: [1, SCRIPT, TIMEOUT],
      },
      {
        name: 'a global of JavaScript by js',
        attack: 'import js\nreturn 2 if js.process else 1',
        expect: SCRIPT,
      },
      {
        name: 'JsProxy by jsffi',
        attack: 'import jsffi\nreturn 1 if jsffi.JsProxy else 2',
        expect: [1, SCRIPT],
      },
      { name: 'import of the host', attack: 'import os\nreturn len(os.listdir("/proc"))', expect: SCRIPT },
      { name: 'a file of the host', attack: "return len(open('/etc/passwd').read())", expect: SCRIPT },
      {
        name: 'a file of the host, by a relative path',
        attack: "return len(open('../../../../etc/passwd').read())",
        expect: SCRIPT,
      },
      {
        name: 'a file written',
        attack: "open('/tmp/siplet-hostile', 'w').write('x')\nreturn 1",
        expect: [1, SCRIPT],
      },
      {
        name: 'a mount of a file system',
        attack: "import vfs\nvfs.mount(vfs.VfsPosix(), '/')\nreturn len(open('/etc/passwd').read())",
        expect: SCRIPT,
      },
      { name: 'sockets', attack: 'import socket\nreturn 1', expect: SCRIPT },
      { name: 'sys.exit', attack: 'import sys\nsys.exit(0)', expect: SCRIPT },
      { name: 'raising SystemExit', attack: 'raise SystemExit(3)', expect: SCRIPT },
      { name: 'raising a class without arguments', attack: 'raise KeyboardInterrupt', expect: SCRIPT },
      {
        name: 'memory by uctypes',
        attack: `
import uctypes
n = 0
for a in range(0, 1 << 20, 4096):
    n += uctypes.bytes_at(a, 1)[0]
return n & 1`,
        expect: [SCRIPT, 0, 1],
      },
      {
        name: 'memory beyond its end by uctypes',
        attack: 'import uctypes\nreturn uctypes.bytes_at(0x7fffffff, 16)[0]',
        expect: [SCRIPT, MEMORY, LOST, 0],
      },
      {
        name: 'memory written by uctypes',
        attack: `
import uctypes
b = uctypes.bytearray_at(1024, 65536)
for i in range(len(b)): b[i] = 255
return 1`,
        expect: [SCRIPT, MEMORY, TIMEOUT, STACK, LOST, 1],
        harmsItself: true,
      },
      {
        name: 'all memory written by uctypes',
        attack: `
import uctypes
b = uctypes.bytearray_at(0, 1 << 24)
for i in range(0, len(b), 7): b[i] = i & 255
return 1`,
        expect: [SCRIPT, MEMORY, TIMEOUT, STACK, LOST, 1],
        harmsItself: true,
      },
      { name: 'memory by machine', attack: 'import machine\nreturn machine.mem32[0]', expect: [SCRIPT, 0] },
      {
        name: 'bytecode that is forged',
        attack: `
def f(): return 1
f.__code__ = b'x'
return f()`,
        expect: [SCRIPT, 1],
      },
      {
        name: 'a module of bytecode',
        attack: `
import io, sys
open('evil.mpy', 'wb').write(b'M\\x06\\x00\\x1f' + b'\\xff' * 100)
import evil
return 2`,
        expect: [SCRIPT],
      },
      {
        name: 'native code by a decorator',
        attack: "exec('@micropython.native\\ndef f(): return 1')\nreturn 1",
        expect: [1, SCRIPT],
      },
      {
        name: 'the stack of the interpreter',
        attack:
          'import micropython\nmicropython.mem_info(1)\nmicropython.qstr_info(1)\nreturn micropython.stack_use() & 1',
        expect: [0, 1, SCRIPT],
      },
      {
        name: 'a heap that is locked',
        attack: 'import micropython\nmicropython.heap_lock()\nreturn 1',
        expect: [1, SCRIPT, MEMORY],
        harmsItself: true,
      },
      {
        name: 'an emergency buffer that is huge',
        attack: 'import micropython\nmicropython.alloc_emergency_exception_buf(1 << 30)\nreturn 1',
        expect: [1, SCRIPT, MEMORY],
      },
      {
        name: 'a keyboard interrupt that is set',
        attack: 'import micropython\nmicropython.kbd_intr(-1)\nreturn 1',
        expect: [1, SCRIPT],
      },
      {
        name: 'scheduled functions without end',
        attack: `
import micropython
def f(x):
    try: micropython.schedule(f, x)
    except RuntimeError: pass
micropython.schedule(f, 1)
for i in range(100000): pass
return 1`,
        expect: [1, SCRIPT, TIMEOUT, MEMORY],
      },
      {
        name: 'frames by sys.settrace',
        attack: 'import sys\nsys.settrace(lambda *a: None)\nreturn 1',
        expect: [1, SCRIPT],
      },
      {
        name: '_siplet with every function and no argument',
        attack: `
import _siplet
for n in dir(_siplet):
    try: getattr(_siplet, n)()
    except Exception: pass
return 1`,
        expect: [1, SCRIPT],
      },
      {
        name: '_siplet with arguments of every type',
        attack: `
import _siplet
odd = (None, True, -1, 0, 1, 2 ** 40, 2 ** 100, 1.5, float('nan'), 'x', '\\0', b'x', [], {}, (), object(), len, type, lambda: 1)
for n in dir(_siplet):
    for a in odd:
        for args in ((a,), (a, a), (a, a, a), (1, a), ('x', a)):
            try: getattr(_siplet, n)(*args)
            except Exception: pass
return 1`,
        expect: [1, SCRIPT, ...EITHER],
        limits: { timeoutMs: 10_000 },
      },
      {
        name: '_siplet with very many arguments',
        attack: `
import _siplet
for n in dir(_siplet):
    try: getattr(_siplet, n)(*range(1000))
    except Exception: pass
return 1`,
        expect: [1, SCRIPT],
      },
      {
        name: '_siplet.property of a number that is none',
        attack: `
import _siplet
for i in (-1, 16, 999, 2 ** 31 - 1, 1.5, 'constructor', '__proto__', 'length', None):
    for n in range(-1, 10):
        try: _siplet.property(n, i)
        except Exception: pass
return 1`,
        expect: [1, SCRIPT],
      },
      {
        name: '_siplet with messages of other numbers',
        attack: `
import _siplet
n = 0
for i in range(-5, 100):
    if i != msg._number:
        r = None
        try: r = _siplet.getHeader(i, 'Subject')
        except Exception: pass
        if r: n += 1
return n`,
        expect: [0, SCRIPT],
      },
      {
        name: '_siplet.item of any number',
        attack: `
import _siplet
for i in (-1, 0, 5, 10 ** 6, 2 ** 31 - 1, 1.5, 'length', '__proto__', None):
    try: _siplet.item(i)
    except Exception: pass
return 1`,
        expect: [1, SCRIPT],
      },
      {
        name: 'a subclass of SIPMsg with a number of its own',
        attack: `
try:
    m = type(msg)(msg._number + 1)
    m.getHeader('x')
    return 2
except Exception: return 1`,
        expect: 1,
      },
      {
        name: 'a number of msg that is replaced',
        attack: "try:\n    object.__setattr__(msg, '_number', 'x')\nexcept Exception: pass\nreturn 1",
        expect: 1,
      },
      {
        name: 'os.system and its like',
        attack:
          "import os\nreturn 2 if any([hasattr(os, n) for n in ('system', 'popen', 'exec', 'fork', 'getenv')]) else 1",
        expect: [1, SCRIPT],
      },
      {
        name: 'modules that are known by sys',
        attack:
          'import sys\nfor n in list(sys.modules):\n    m = sys.modules[n]\n    for a in dir(m): getattr(m, a)\nreturn 1',
        expect: [1, SCRIPT],
      },
      {
        name: 'stdin and its like',
        attack: 'import sys\nsys.stdin.read(1)\nreturn 1',
        expect: [1, SCRIPT, TIMEOUT],
      },
      { name: 'input()', attack: 'return len(input())', expect: [SCRIPT, TIMEOUT, 0] },
    ],
  },
}
