/** Scripts that use up the stack. */
import { EITHER, type Kind, MEMORY, RETURN, SCRIPT, STACK, TIMEOUT } from '../attack.ts'

export const RECURSION: Kind = {
  title: 'recurses beyond the stack',
  attacks: {
    JavaScript: [
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
        expect: [TIMEOUT, STACK, 1],
      },
      {
        name: 'every member of msg at the edge of the stack',
        attack: `
let n = 0
const acts = [() => msg.copy(), () => msg.raw, () => msg.setBody('x', 'a/b'), () => msg.getHeaders('Via'), () => msg.set_dst_uri('sip:a@b'),
  () => msg.appendHeader('X', 'y'), () => msg.removeHeader('X'), () => msg.src_address, () => msg.get_pseudoVar('$rU'), () => LM_INFO('x')]
for (const act of acts) { const f = () => { try { act() } catch { return } f() }; try { f() } catch { n++ } }
return 1`,
        expect: [1, TIMEOUT, STACK, SCRIPT],
      },
      {
        name: 'a result at the edge of the stack',
        attack: 'const f = () => { try { return f() } catch { return 5 } }; return f()',
        expect: [5, STACK],
      },
      {
        name: 'an error thrown at the edge of the stack whose stack is a getter',
        attack:
          'const f = () => { try { f() } catch { throw { get stack() { return f() }, get message() { return f() } } } }; f(); return 1',
        expect: [SCRIPT, STACK, TIMEOUT],
      },
      {
        name: 'a JSON text of deep nesting',
        attack: 'let a = []; for (let i = 0; i < 1e5; i++) a = [a]; return JSON.stringify(a).length',
        expect: [STACK, 200_002],
      },
      {
        name: 'recursion in a toJSON that we call',
        attack: 'const o = { toJSON() { return { o } } }; LM_ERR(o); return 3',
        expect: 3,
      },
      {
        name: 'a getter that reads itself',
        attack: 'const o = { get x() { return this.x } }; return o.x',
        expect: STACK,
      },
      {
        name: 'a Proxy whose prototype is itself',
        attack: 'const o = {}; const p = new Proxy(o, {}); Object.setPrototypeOf(o, p); return p.x',
        expect: [STACK, SCRIPT],
      },
      {
        name: 'toString of a nested array',
        attack: 'let a = []; for (let i = 0; i < 1e5; i++) a = [a]; return String(a).length',
        expect: [STACK, 0],
      },
      {
        name: 'flat of a nested array',
        attack: 'let a = []; for (let i = 0; i < 1e5; i++) a = [a]; return a.flat(Infinity).length',
        expect: [STACK, 0],
      },
      {
        name: 'a regular expression of deep groups',
        attack: "return new RegExp('('.repeat(1e5) + ')'.repeat(1e5)).test('x') ? 1 : 2",
        expect: [SCRIPT, STACK, ...EITHER, 1],
      },
      {
        name: 'source text of deep nesting',
        attack: "return new Function('return ' + '['.repeat(1e5) + ']'.repeat(1e5))().length",
        expect: [SCRIPT, STACK, 1],
      },
      {
        name: 'an expression of 100,000 operands',
        attack: "return new Function('return ' + '1+'.repeat(1e5) + '1')() > 0 ? 1 : 2",
        expect: [SCRIPT, STACK, 1],
      },
      {
        name: 'apply with a million arguments',
        attack: 'return Math.max.apply(null, new Array(1e6).fill(1))',
        expect: [STACK, SCRIPT, 1],
      },
      {
        name: 'a constructor that makes itself',
        attack: 'class A { constructor() { return new A() } } return new A()',
        expect: STACK,
      },
      {
        name: 'a sort that sorts',
        attack: 'const f = () => [1, 2].sort(f).length; return f()',
        expect: STACK,
      },
      {
        name: 'a replacement that replaces',
        attack: "const f = () => 'a'.replace(/a/, f); return f()",
        expect: STACK,
      },
      {
        name: 'an instanceof chain',
        attack:
          'let o = {}; for (let i = 0; i < 1e5; i++) o = Object.create(o); return o instanceof Array ? 1 : 2',
        expect: [2, TIMEOUT, MEMORY],
      },
      {
        name: 'a cause that is itself',
        attack: 'const e = new Error("x"); e.cause = e; throw e',
        expect: SCRIPT,
      },
      {
        name: 'a name of STACK errors that is forged',
        attack: "const e = new RangeError('Maximum call stack size exceeded'); throw e",
        expect: [STACK, SCRIPT],
      },
    ],
    Python: [
      {
        name: 'deep recursion',
        attack: `
def f(n): return f(n + 1) + 1
return f(0)`,
        expect: [SCRIPT, STACK],
      },
      {
        name: 'deep recursion through our members',
        attack: `
def f():
    msg.getHeader('Subject')
    return f()
return f()`,
        expect: [SCRIPT, STACK],
      },
      {
        name: 'deep recursion, caught each time',
        attack: `
def f():
    try:
        f()
    finally:
        msg.setHeader('X', 'y')
try: f()
except RuntimeError: pass
return 1`,
        expect: [1, SCRIPT, STACK, TIMEOUT],
      },
      {
        name: 'an object whose text is its own text',
        setup: 'class A:\n    def __repr__(self): return repr(self)',
        attack: 'return len(repr(A()))',
        expect: [SCRIPT, STACK],
      },
      {
        name: 'a list that holds itself, as text',
        attack: 'a = []\na.append(a)\nreturn len(str(a)) & 1',
        expect: [SCRIPT, STACK, ...EITHER],
      },
      {
        name: 'a list that holds itself, compared',
        attack: 'a = []\na.append(a)\nb = []\nb.append(b)\nreturn 1 if a == b else 2',
        expect: [SCRIPT, STACK, ...EITHER],
      },
      {
        name: 'a list of deep nesting, as text',
        attack: 'a = []\nfor i in range(50000): a = [a]\nreturn len(str(a)) & 1',
        expect: [SCRIPT, STACK, ...EITHER, 0],
      },
      {
        name: 'a tuple of deep nesting, hashed',
        attack: 'a = ()\nfor i in range(50000): a = (a,)\nreturn hash(a) & 1',
        expect: [SCRIPT, STACK, ...EITHER, 0, 1],
      },
      {
        name: 'a list of deep nesting, collected',
        attack: 'import gc\na = []\nfor i in range(100000): a = [a]\ngc.collect()\nreturn 1',
        expect: [1, ...EITHER, SCRIPT],
      },
      {
        name: 'an expression of deep nesting',
        attack: "return eval('(' * 10000 + '1' + ')' * 10000)",
        expect: [SCRIPT, STACK, 1],
      },
      {
        name: 'a regular expression of deep groups',
        attack: "import re\nreturn 1 if re.match('(' * 5000 + 'a' + ')' * 5000, 'a') else 2",
        expect: [SCRIPT, STACK, ...EITHER, 1, 2],
      },
      {
        name: 'a getattr that asks itself',
        setup: 'class A:\n    def __getattr__(self, name): return getattr(self, name)',
        attack: 'return A().x',
        expect: [SCRIPT, STACK],
      },
      {
        name: 'a generator that yields from itself',
        attack: 'def f():\n    yield from f()\nreturn list(f())',
        expect: [SCRIPT, STACK, RETURN],
      },
      {
        name: 'a JSON text of a list that holds itself',
        attack: 'import json\na = []\na.append(a)\nreturn len(json.dumps(a)) & 1',
        expect: [SCRIPT, STACK, ...EITHER],
      },
      {
        name: 'a sort that sorts',
        attack: 'def f(x):\n    return len(sorted([1, 2], key=f))\nreturn f(1)',
        expect: [SCRIPT, STACK],
      },
    ],
  },
}
