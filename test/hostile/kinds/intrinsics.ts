/** Scripts that patch what all other code builds on. Each returns, and the next message is still read correctly. */
import { type Kind, MEMORY, RETURN, SCRIPT, STACK, TIMEOUT } from '../attack.ts'
import { PYTHON_REALM_SCRIPTS } from '../realm-scripts.ts'

export const INTRINSICS: Kind = {
  title: 'patches intrinsics',
  attacks: {
    JavaScript: [
      {
        name: 'Object.prototype',
        attack:
          "Object.prototype.start = 5; Object.prototype.get = () => 1; Object.defineProperty(Object.prototype, 'text', { get() { throw new Error('polluted') } }); return 1",
        expect: 1,
      },
      {
        name: 'Object.prototype: then, toJSON, code, error, splices',
        attack:
          "for (const n of ['then', 'toJSON', 'code', 'error', 'splices', 'dstUri', 'ok', 'message', 'value', 'done', 'writable', 'enumerable']) Object.prototype[n] = () => 'evil'; return 1",
        expect: 1,
      },
      {
        name: 'Object.prototype: setters that see what is assigned',
        attack:
          "for (const n of ['code', 'message', 'stack', 'ok', 'text', 'level', 'run']) Object.defineProperty(Object.prototype, n, { set() { throw 1 }, get() { throw 2 }, configurable: true }); return 1",
        expect: [1, SCRIPT],
      },
      {
        name: 'Object.prototype frozen, and its prototype asked for',
        attack: 'Object.freeze(Object.prototype); Object.preventExtensions(globalThis); return 1',
        expect: 1,
      },
      {
        name: 'Object.prototype.__proto__',
        attack:
          "try { Object.defineProperty(Object.prototype, '__proto__', { get() { throw 1 }, set() { throw 1 } }) } catch {} return 1",
        expect: 1,
      },
      {
        name: 'Array.prototype',
        attack:
          "Array.prototype.push = () => 0; Array.prototype[Symbol.iterator] = null; Object.defineProperty(Array.prototype, '0', { set() { throw 1 }, get() { return 'evil' } }); return 1",
        expect: 1,
      },
      {
        name: 'the iterator of arrays',
        attack:
          'const p = Object.getPrototypeOf([][Symbol.iterator]()); p.next = () => { throw 1 }; Iterator.prototype[Symbol.iterator] = () => { throw 1 }; return 1',
        expect: 1,
      },
      {
        name: 'the iterators of strings, Map, Set and RegExp',
        attack:
          "for (const it of [''[Symbol.iterator](), new Map().keys(), new Set().keys(), 'a'.matchAll(/a/g)]) Object.getPrototypeOf(it).next = () => ({ done: false, value: 'evil' }); return 1",
        expect: 1,
      },
      {
        name: 'the prototype of generators',
        attack:
          'const p = Object.getPrototypeOf(Object.getPrototypeOf((function* () {})())); p.next = p.return = p.throw = () => { for (;;) {} }; return 1',
        expect: 1,
      },
      {
        name: 'String.prototype',
        attack:
          "for (const name of ['slice', 'indexOf', 'charCodeAt', 'startsWith', 'toLowerCase']) String.prototype[name] = () => 'evil'; return 1",
        expect: 1,
      },
      {
        name: 'all of String.prototype',
        attack:
          'for (const k of Reflect.ownKeys(String.prototype)) try { String.prototype[k] = () => { throw 1 } } catch {} return 1',
        expect: 1,
      },
      {
        name: 'all of Array, Object, Reflect and Function',
        attack:
          'const names = Object.getOwnPropertyNames; for (const o of [Array, Array.prototype, Object, Reflect, Function.prototype]) for (const k of names(o)) try { if (k !== "prototype") o[k] = function () { throw 1 } } catch {} return 1',
        expect: 1,
      },
      {
        name: 'RegExp.prototype',
        attack: 'RegExp.prototype.exec = () => ["evil"]; RegExp.prototype.test = () => false; return 1',
        expect: 1,
      },
      {
        name: 'RegExp.prototype: symbols and flags',
        attack:
          "for (const k of [Symbol.replace, Symbol.split, Symbol.match, Symbol.matchAll, Symbol.search, 'flags', 'source', 'lastIndex']) Object.defineProperty(RegExp.prototype, k, { get() { throw 1 }, configurable: true }); return 1",
        expect: 1,
      },
      {
        name: 'the statics of RegExp',
        attack: "/(.*)/.exec('evil'); Object.defineProperty(RegExp, '$1', { get() { throw 1 } }); return 1",
        expect: [1, SCRIPT],
      },
      {
        name: 'JSON, Reflect and Math',
        attack:
          'JSON.stringify = () => "evil"; JSON.parse = () => ({}); Reflect.apply = () => 1; Math.min = () => 0; return 1',
        expect: 1,
      },
      {
        name: 'Math, Date and Number',
        attack:
          'for (const o of [Math, Date, Date.prototype, Number, Number.prototype]) for (const k of Object.getOwnPropertyNames(o)) try { o[k] = () => NaN } catch {} return 1',
        expect: 1,
      },
      { name: 'Date.now that goes back', attack: 'Date.now = () => -1e15; return 1', expect: 1 },
      {
        name: 'Function.prototype: call, apply, bind',
        attack:
          'Function.prototype.call = Function.prototype.apply = Function.prototype.bind = () => { throw 1 }; return 1',
        expect: 1,
      },
      {
        name: 'Function.prototype[Symbol.hasInstance]',
        attack:
          'try { Object.defineProperty(Function.prototype, Symbol.hasInstance, { value: () => true }) } catch {} return 1',
        expect: 1,
      },
      {
        name: 'Error: every member',
        attack:
          'Error.captureStackTrace = () => { throw 1 }; Error.stackTraceLimit = 0; Error.prepareStackTrace = 5; Error.prototype.toString = () => { throw 1 }; return 1',
        expect: 1,
      },
      {
        name: 'Error.stackTraceLimit that throws',
        attack: "Object.defineProperty(Error, 'stackTraceLimit', { get() { throw 1 } }); return 1",
        expect: 1,
      },
      {
        name: 'Error.prepareStackTrace that throws',
        attack: "Error.prepareStackTrace = () => { throw 1 }; throw new Error('x')",
        expect: SCRIPT,
      },
      {
        name: 'Error.prepareStackTrace that returns an object',
        attack:
          "Error.prepareStackTrace = () => ({ slice() { return { length: 1e9 } } }); throw new Error('x')",
        expect: SCRIPT,
      },
      {
        name: 'SIPMsgError and its prototype',
        attack:
          "SIPMsgError.prototype.name = 'evil'; SIPMsgError = null; try { msg.getHeader() } catch (e) { return e.code === 'ERR_SIPLET_ARGUMENTS' ? 1 : 2 }",
        expect: 1,
      },
      {
        name: 'Map, Set and their like',
        attack:
          'for (const C of [Map, Set, WeakMap, WeakSet, Promise, Proxy, Symbol]) for (const k of Object.getOwnPropertyNames(C.prototype ?? {})) try { C.prototype[k] = () => { throw 1 } } catch {} return 1',
        expect: 1,
      },
      {
        name: 'typed arrays and buffers',
        attack:
          'const T = Object.getPrototypeOf(Uint8Array); for (const o of [T, T.prototype, ArrayBuffer.prototype, DataView.prototype]) for (const k of Reflect.ownKeys(o)) try { Object.defineProperty(o, k, { get() { throw 1 }, configurable: true }) } catch {} return 1',
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
        name: 'all that is callable, before the first call',
        setup:
          "const names = Object.getOwnPropertyNames; for (const n of names(globalThis)) { const C = globalThis[n]; if (typeof C !== 'function' || !C.prototype) continue; for (const k of names(C.prototype)) try { if (k !== 'constructor') C.prototype[k] = () => { throw 1 } } catch {} }",
        attack: 'return 1',
        expect: 1,
      },
      {
        name: 'Number.isInteger made to lie',
        attack: "Number.isInteger = () => true; return 'not an integer'",
        expect: RETURN,
      },
      {
        name: 'Number.isInteger made to lie about a float',
        attack: 'Number.isInteger = () => true; Math.trunc = (x) => x; return 1.5',
        expect: RETURN,
      },
      {
        name: 'the intrinsics behind our own functions',
        attack:
          'const F = msg.getHeader.constructor; F(\'String.prototype.slice = () => "evil"; Array.prototype.push = () => 0; RegExp.prototype.exec = () => null\')(); return 1',
        expect: [SCRIPT, 1],
      },
      {
        name: 'new members of the intrinsics behind our own functions',
        attack:
          "const F = msg.getHeader.constructor; F('Object.prototype.evil = 1; Object.prototype.get = 1; globalThis.evil = 1')(); return 1",
        expect: [SCRIPT, 1],
      },
      {
        name: 'the prototype of msg',
        attack: "const p = Object.getPrototypeOf(msg); p.getHeader = () => 'evil'; return 1",
        expect: [SCRIPT, 1],
      },
      {
        name: 'the prototype of msg: getters, deletion, another prototype',
        attack:
          "const p = Object.getPrototypeOf(msg); for (const f of [() => Object.defineProperty(p, 'RURI', { get: () => 'evil' }), () => delete p.getHeader, () => Object.setPrototypeOf(p, { evil: 1 }), () => Object.setPrototypeOf(msg, null), () => Object.defineProperty(p, 'x', { value: 1 })]) try { f() } catch {} return 1",
        expect: 1,
      },
      {
        name: 'own properties of msg',
        attack:
          "for (const k of ['getHeader', 'RURI', 'Method', '__proto__', 'body']) try { Object.defineProperty(msg, k, { value: 'evil' }) } catch {} return 1",
        expect: 1,
      },
      {
        name: 'members of members of msg',
        attack:
          "const p = Object.getPrototypeOf(msg); for (const k of Reflect.ownKeys(p)) { const f = Reflect.getOwnPropertyDescriptor(p, k).value; if (typeof f !== 'function') continue; for (const n of ['call', 'apply', 'bind', 'name', 'length']) try { Object.defineProperty(f, n, { value: () => 'evil' }) } catch {} } return 1",
        expect: 1,
      },
      {
        name: 'the prototype of a member of msg',
        attack:
          "try { Object.setPrototypeOf(msg.getHeader, null) } catch {} try { Object.getPrototypeOf(msg.getHeader).call = () => 'evil' } catch {} return 1",
        expect: 1,
      },
      {
        name: 'Symbol.species and toPrimitive',
        attack:
          "Object.defineProperty(Array, Symbol.species, { value: function () { throw 1 } }); String.prototype[Symbol.toPrimitive] = () => 'evil'; return 1",
        expect: 1,
      },
      {
        name: 'Symbol.isConcatSpreadable and unscopables',
        attack:
          "Array.prototype[Symbol.isConcatSpreadable] = false; Array.prototype[Symbol.unscopables] = new Proxy({}, { has() { throw 1 } }); Object.prototype[Symbol.toStringTag] = 'evil'; return 1",
        expect: 1,
      },
      {
        name: 'well-known symbols on Object.prototype',
        attack:
          "for (const k of ['iterator', 'asyncIterator', 'toPrimitive', 'match', 'replace', 'split', 'dispose']) Object.prototype[Symbol[k]] = () => { throw 1 }; return 1",
        expect: 1,
      },
      {
        name: 'toString and valueOf of everything',
        attack:
          'for (const C of [Object, Array, Function, Number, String, Boolean, Error]) C.prototype.toString = C.prototype.valueOf = () => { throw 1 }; return 1',
        expect: 1,
      },
      {
        name: 'the global object',
        attack:
          'for (const k of Reflect.ownKeys(globalThis)) { try { globalThis[k] = null } catch {} } return 1',
        expect: 1,
      },
      {
        name: 'the global object, deleted',
        attack:
          'for (const k of Reflect.ownKeys(globalThis)) { try { delete globalThis[k] } catch {} } return 1',
        expect: 1,
      },
      {
        name: 'the prototype of the global object',
        attack:
          'try { Object.setPrototypeOf(globalThis, new Proxy({}, { get() { throw 1 }, has() { throw 1 } })) } catch {} return 1',
        expect: 1,
      },
      {
        name: 'undefined, NaN and globalThis shadowed',
        attack:
          "globalThis.globalThis = null; try { Object.defineProperty(globalThis, 'undefined', { value: 1 }) } catch {} return 1",
        expect: 1,
      },
      {
        name: 'a patched intrinsic while msg is read',
        attack:
          "let n = 0; const own = Reflect.ownKeys; Object.prototype.toString = String.prototype.valueOf = () => { n++; msg.setHeader('Evil', 'x') }; msg.raw; msg.headerNames(); msg.getHeaders('Via'); msg.copy(); return n",
        expect: 0,
      },
      {
        name: 'an index setter on Array.prototype while lists are made',
        attack:
          "let n = 0; Object.defineProperty(Array.prototype, '0', { set() { n++ }, configurable: true }); const l = msg.getHeaders('Via'); const d = msg.src_address; delete Array.prototype[0]; return l.length === 1 && d.length === 2 && n === 0 ? 1 : 2",
        expect: 1,
      },
      {
        name: 'length of arrays',
        attack:
          "try { Object.defineProperty(Array.prototype, 'length', { get() { throw 1 } }) } catch {} Array.prototype.length = 7; return 1",
        expect: [1, SCRIPT],
      },
    ],
    Python: [
      ...PYTHON_REALM_SCRIPTS,
      {
        name: 'msg patched',
        attack: `
try: msg.getHeader = lambda name: 'evil'
except Exception: pass
return 1`,
        expect: 1,
      },
      {
        name: 'our module replaced',
        attack: `
import OpenSIPS
try: OpenSIPS.LM_ERR = None
except Exception: pass
return 1`,
        expect: 1,
      },
      {
        name: 'the class of msg patched',
        attack: `
try: type(msg).getHeader = lambda self, name: 'evil'
except Exception: pass
return 1`,
        expect: 1,
        harmsItself: true,
      },
      {
        name: 'builtins patched',
        attack: `
import builtins
for n in ('isinstance', 'getattr', 'callable', 'int', 'str', 'type', 'len', 'range', 'property'):
    try: setattr(builtins, n, lambda *a: 1 / 0)
    except Exception: pass
return 1`,
        expect: [1, SCRIPT],
        harmsItself: true,
      },
      {
        name: 'isinstance that lies about a result',
        attack: `
import builtins
try: builtins.isinstance = lambda *a: True
except Exception: pass
return 'not an integer'`,
        expect: [RETURN, SCRIPT],
        harmsItself: true,
      },
      {
        name: 'every name of siplet_child replaced',
        attack: `
import siplet_child
for n in dir(siplet_child):
    try: setattr(siplet_child, n, None)
    except Exception: pass
return 1`,
        expect: [1, SCRIPT],
        harmsItself: true,
      },
      {
        name: 'siplet_child: what is thrown is described by a float',
        attack: 'import siplet_child\nsiplet_child._described = lambda e: 1.5\nraise ValueError("x")',
        expect: [SCRIPT, RETURN],
        harmsItself: true,
      },
      {
        name: 'siplet_child: what is thrown is described by nothing',
        attack: 'import siplet_child\nsiplet_child._described = lambda e: None\nraise ValueError("x")',
        expect: [SCRIPT, RETURN],
        harmsItself: true,
      },
      {
        name: 'siplet_child: what is thrown is described by a text with no parts',
        attack: 'import siplet_child\nsiplet_child._described = lambda e: "x"\nraise ValueError("x")',
        expect: [SCRIPT, RETURN],
        harmsItself: true,
      },
      {
        name: 'siplet_child: an error code that does not exist',
        attack:
          'import siplet_child\nsiplet_child._described = lambda e: "ERR_SIPLET_EVIL\\0x\\0y"\nraise ValueError("x")',
        expect: [SCRIPT, RETURN],
        harmsItself: true,
      },
      {
        name: 'siplet_child: an error code that only the engine has',
        attack:
          'import siplet_child\nsiplet_child._described = lambda e: "ERR_SIPLET_CLOSED\\0x\\0y"\nraise ValueError("x")',
        expect: [SCRIPT, RETURN],
        harmsItself: true,
      },
      {
        name: 'siplet_child: the refusal of another type',
        attack: 'import siplet_child\nsiplet_child._refusal = lambda c, m: 2 ** 80\nreturn "x"',
        expect: [SCRIPT, RETURN],
        harmsItself: true,
      },
      {
        name: 'siplet_child: call replaced for the next message',
        attack: 'import siplet_child\nsiplet_child.call = lambda *a: 99\nreturn 1',
        expect: [1, SCRIPT],
        harmsItself: true,
      },
      {
        name: 'siplet_child: the handler replaced',
        attack: `
import siplet_child
class H:
    def probe(self, msg, extra): return 99
siplet_child._handler = H()
return 1`,
        expect: [1, SCRIPT],
        harmsItself: true,
      },
      {
        name: 'OpenSIPS: every name replaced',
        attack: `
import OpenSIPS
for n in dir(OpenSIPS):
    try: setattr(OpenSIPS, n, 5)
    except Exception: pass
return 1`,
        expect: [1, SCRIPT],
        harmsItself: true,
      },
      {
        name: '_siplet: every name replaced',
        attack: `
import _siplet
for n in dir(_siplet):
    try: setattr(_siplet, n, lambda *a: False)
    except Exception: pass
return 1`,
        expect: [1, SCRIPT],
        harmsItself: true,
      },
      {
        name: 'sys.modules replaced',
        attack: `
import sys
for n in ('_siplet', 'siplet_child', 'OpenSIPS', 'sys', 'io', 'gc', 'builtins'):
    try: sys.modules[n] = None
    except Exception: pass
return 1`,
        expect: [1, SCRIPT],
        harmsItself: true,
      },
      {
        name: 'sys.print_exception replaced',
        attack: `
import sys
try: sys.print_exception = lambda *a: 1 / 0
except Exception: pass
raise ValueError('x')`,
        expect: SCRIPT,
        harmsItself: true,
      },
      {
        name: 'io.StringIO replaced',
        attack: `
import io
try: io.StringIO = None
except Exception: pass
raise ValueError('x')`,
        expect: SCRIPT,
        harmsItself: true,
      },
      {
        name: 'ValueError and its like replaced',
        attack: `
import builtins
for n in ('ValueError', 'TypeError', 'RuntimeError', 'BaseException', 'Exception'):
    try: setattr(builtins, n, 5)
    except Exception: pass
return 1`,
        expect: [1, SCRIPT],
        harmsItself: true,
      },
      {
        name: 'a metaclass',
        setup: `
class Meta(type):
    def __call__(cls, *a): return 'evil'
    def __getattr__(cls, n): return 'evil'`,
        attack: `
try:
    class A(metaclass=Meta): pass
    A()
except Exception: pass
return 1`,
        expect: [1, SCRIPT],
      },
      {
        name: 'an int subclass as result',
        setup: 'class I(int):\n    def __int__(self): return 2 ** 70',
        attack: 'return I(5)',
        expect: [5, RETURN, SCRIPT],
      },
      {
        name: 'an object whose comparisons lie, as result',
        setup: `
class L:
    def __eq__(self, o): return True
    def __le__(self, o): return True
    def __ge__(self, o): return True
    def __bool__(self): return True`,
        attack: 'return L()',
        expect: RETURN,
      },
      {
        name: 'gc.collect replaced',
        attack: 'import gc\ntry: gc.collect = None\nexcept Exception: pass\nreturn 1',
        expect: [1, SCRIPT],
        harmsItself: true,
      },
      {
        name: 'a __class__ that is assigned',
        attack: 'try: msg.__class__ = int\nexcept Exception: pass\nreturn 1',
        expect: [1, SCRIPT, STACK, MEMORY, TIMEOUT],
      },
    ],
  },
}
