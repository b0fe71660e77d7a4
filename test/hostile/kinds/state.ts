/** Scripts that keep something of one message for another message. */
import { type Kind, SCRIPT, TIMEOUT } from '../attack.ts'

export const STATE: Kind = {
  title: 'keeps a message, or changes itself, for the next one',
  attacks: {
    JavaScript: [
      {
        name: 'msg kept after its exec',
        setup: 'let kept;',
        attack: 'if (kept) { return kept.RURI.length } kept = msg; return 1',
        expect: 1,
      },
      {
        name: 'msg of the probe kept, and edited in the attack',
        setup: 'let kept; globalThis.keep = (m) => { kept = m }',
        attack:
          'const P = Object.getPrototypeOf(this); const own = P.probe; P.probe = function (m, e) { kept = m; return own.call(this, m, e) }; return 1',
        expect: 1,
      },
      {
        name: 'msg of one message edited in the next one',
        attack:
          "const P = Object.getPrototypeOf(this); const own = P.probe; P.probe = function (m, e) { for (const f of [() => msg.setHeader('Evil', 'x'), () => msg.rewrite_ruri('sip:evil@example.net'), () => msg.set_dst_uri('sip:evil@example.net'), () => msg.copy(), () => copy.setHeader('Evil', 'x')]) try { f(); return 99 } catch {} return own.call(this, m, e) }; const copy = msg.copy(); return 1",
        expect: 1,
      },
      {
        name: 'members of msg, bound to it and kept',
        attack:
          "const set = msg.setHeader.bind(msg), P = Object.getPrototypeOf(this), own = P.probe; P.probe = function (m, e) { try { set('Evil', 'x'); return 99 } catch {} return own.call(this, m, e) }; return 1",
        expect: 1,
      },
      {
        name: 'copies kept',
        setup: 'const kept = []',
        attack:
          "for (let i = 0; i < 100; i++) kept.push(msg.copy()); kept.forEach((c, i) => c.setHeader('X', 'c' + i)); return msg.getHeader('X') === null ? 1 : 2",
        expect: 1,
      },
      {
        name: 'a microtask that edits the next message',
        attack:
          "const P = Object.getPrototypeOf(this), own = P.probe; let last; P.probe = function (m, e) { last = m; return own.call(this, m, e) }; const f = () => { try { last?.setHeader('Evil', 'x') } catch {} if (n++ < 1000) Promise.resolve().then(f) }; let n = 0; f(); return 1",
        expect: [1, TIMEOUT],
      },
      {
        name: 'a generator that holds the message',
        attack:
          "const g = (function* () { for (;;) { try { msg.setHeader('Evil', 'x') } catch {} yield } })(); const P = Object.getPrototypeOf(this), own = P.probe; P.probe = function (m, e) { g.next(); return own.call(this, m, e) }; return 1",
        expect: 1,
      },
      {
        name: 'src_address changed',
        attack: "'use strict'; try { msg.src_address[0] = 'evil'; return 2 } catch { return 1 }",
        expect: 1,
      },
      {
        name: 'the tuple of one message in the next one',
        attack:
          "const t = msg.src_address; for (const f of [() => { t.length = 0 }, () => t.push(1), () => Object.setPrototypeOf(t, null), () => Object.defineProperty(t, 0, { value: 'evil' })]) try { f() } catch {} return msg.src_address[0] === 'evil' ? 2 : 1",
        expect: 1,
      },
      {
        name: 'lists that are changed',
        attack:
          "const l = msg.headerNames(); l.length = 0; l.push('evil'); const m = msg.getHeaders('Via'); m[0] = 'evil'; return msg.getHeaders('Via')[0] === 'evil' || msg.headerNames()[0] === 'evil' ? 2 : 1",
        expect: 1,
      },
      {
        name: 'methods of the handler replaced during a call',
        attack: 'this.attack = 5; this.x = 1; return 1',
        expect: 1,
      },
      {
        name: 'a method that is a getter which loops',
        attack:
          "Object.defineProperty(this, 'attack', { get() { for (;;) {} }, configurable: true }); return 1",
        expect: 1,
      },
      {
        name: 'a method that is a getter which throws',
        attack:
          "Object.defineProperty(this, 'attack', { get() { throw new Error('x') }, configurable: true }); return 1",
        expect: 1,
      },
      {
        name: 'a handler that is frozen',
        attack: 'Object.freeze(this); Object.freeze(Object.getPrototypeOf(this)); return 1',
        expect: 1,
      },
      {
        name: 'a handler without rank',
        attack: 'delete this.rank; this.child_init = null; return 1',
        expect: 1,
      },
      {
        name: 'mod_init replaced',
        attack: 'globalThis.mod_init = () => { for (;;) {} }; return 1',
        expect: 1,
      },
      {
        name: 'a number that names the message of another one',
        attack:
          "return Object.keys(msg).length + Object.getOwnPropertySymbols(msg).length + ('index' in msg ? 1 : 0)",
        expect: 0,
      },
      {
        name: 'WeakMap keyed by msg',
        setup: 'const w = new WeakMap()',
        attack: 'w.set(msg, 1); return w.get(msg) === 1 ? 1 : 2',
        expect: 1,
      },
      {
        name: 'WeakRef to msg',
        setup: 'let w',
        attack: 'w ??= new WeakRef(msg); return w.deref() === msg ? 1 : 2',
        expect: 1,
      },
      {
        name: 'texts of the message that are kept',
        setup: 'const kept = []',
        attack:
          "for (let i = 0; i < 2000; i++) kept.push(msg.raw.slice(0, 20), msg.getHeader('From')); return 1",
        expect: 1,
      },
      {
        name: 'private names stamped onto msg',
        attack:
          'class B { constructor(o) { return o } } class T extends B { #p = 1; static has(o) { return #p in o } } try { new T(msg) } catch {} return 1',
        expect: 1,
      },
      {
        name: 'msg frozen',
        attack:
          "Object.freeze(msg); msg.setHeader('X', 'y'); msg.set_dst_uri('sip:a@b'); return msg.dst_uri === 'sip:a@b' ? 1 : 2",
        expect: 1,
      },
    ],
    Python: [
      {
        name: 'msg kept after its exec',
        setup: 'kept = []',
        attack: `
kept.append(msg)
return 1`,
        expect: 1,
      },
      {
        name: 'msg of one message edited in the next one',
        attack: `
cls = type(self)
own = cls.probe
def probe(self, m, extra):
    for f in (lambda: msg.setHeader('Evil', 'x'), lambda: msg.rewrite_ruri('sip:evil@example.net'), lambda: msg.copy(), lambda: copy.setHeader('Evil', 'x')):
        try:
            f()
            return 99
        except Exception: pass
    return own(self, m, extra)
copy = msg.copy()
cls.probe = probe
return 1`,
        expect: [1, SCRIPT],
      },
      {
        name: 'numbers of messages kept for _siplet',
        attack: `
import _siplet
cls = type(self)
own = cls.probe
number = msg._number
def probe(self, m, extra):
    try: _siplet.setHeader(number, 'Evil', 'x')
    except Exception: pass
    return own(self, m, extra)
cls.probe = probe
return 1`,
        expect: [1, SCRIPT],
      },
      {
        name: 'a generator that holds the message',
        attack: `
def f():
    while True:
        try: msg.setHeader('Evil', 'x')
        except Exception: pass
        yield
g = f()
cls = type(self)
own = cls.probe
def probe(self, m, extra):
    next(g)
    return own(self, m, extra)
cls.probe = probe
return 1`,
        expect: [1, SCRIPT],
      },
      {
        name: 'copies kept',
        setup: 'kept = []',
        attack:
          "for i in range(100): kept.append(msg.copy())\nfor c in kept: c.setHeader('X', 'y')\nreturn 1 if msg.getHeader('X') is None else 2",
        expect: 1,
      },
      {
        name: 'methods replaced',
        attack: 'self.attack = 5\nself.attack_of_rank = None\nreturn 1',
        expect: 1,
      },
      {
        name: 'an instance that has no attributes any more',
        attack: 'for n in list(self.__dict__): delattr(self, n)\nreturn 1',
        expect: [1, SCRIPT],
      },
      {
        name: 'lists that are changed',
        attack: 'l = msg.headerNames()\nl.clear()\nreturn 1 if len(msg.headerNames()) > 3 else 2',
        expect: 1,
      },
      {
        name: 'a finalizer that edits the next message',
        setup: `
class A:
    def __init__(self, m): self.m = m
    def __del__(self):
        try: self.m.setHeader('Evil', 'x')
        except Exception: pass`,
        attack: 'a = A(msg)\nb = [a]\nb.append(b)\nreturn 1',
        expect: 1,
      },
    ],
  },
}
