/** Scripts that attack through call_function. The functions are in ../functions.ts. */
import { type Attack, type Kind, SCRIPT, STACK, TIMEOUT } from '../attack.ts'

const LIMIT = 'ERR_SIPLET_CALL_FUNCTION_LIMIT'

const all = (attacks: readonly Omit<Attack, 'functions'>[]): Attack[] =>
  attacks.map((attack) => ({ ...attack, functions: true }))

export const FUNCTIONS: Kind = {
  title: 'abuses call_function',
  attacks: {
    JavaScript: all([
      { name: 'calls without end', attack: "for (;;) msg.call_function('one')", expect: LIMIT },
      {
        name: 'calls without end, caught',
        attack: "for (;;) try { msg.call_function('one') } catch {}",
        expect: TIMEOUT,
      },
      { name: 'a function that is not there', attack: "return msg.call_function('nobody')", expect: SCRIPT },
      {
        name: 'names that objects have',
        attack:
          "let n = 0; for (const f of ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'valueOf', '', ' ', '\\0']) try { msg.call_function(f); n++ } catch {} return n",
        expect: 0,
      },
      {
        name: 'arguments of odd types',
        attack:
          "let n = 0; for (const a of [undefined, null, {}, [], Symbol('x'), 1n, NaN, Infinity, () => 1, new String('x')]) try { msg.call_function('count', a); n++ } catch {} return n",
        expect: 0,
      },
      {
        name: 'arguments that are huge',
        attack: "try { return msg.call_function('count', 'x'.repeat(2 ** 22)) } catch { return 1 }",
        expect: 1,
      },
      {
        name: 'arguments with lone surrogates, NUL and quotes',
        attack:
          "return msg.call_function('count', '\\ud800\\0\"\\\\', '\\u2028', '__proto__', -0, 1e308, 5e-324)",
        expect: 6,
      },
      {
        name: 'too many arguments',
        attack: "return msg.call_function('count', ...new Array(1000).fill('x'))",
        expect: SCRIPT,
      },
      {
        name: 'a name that is huge',
        attack: "return msg.call_function('x'.repeat(2 ** 20))",
        expect: SCRIPT,
      },
      {
        name: 'a function that never answers',
        attack: "return msg.call_function('never')",
        expect: [SCRIPT, TIMEOUT],
        limits: { callFunctionTimeoutMs: 100, timeoutMs: 10_000 },
      },
      {
        name: 'a function that never answers, asked again and again',
        attack: "for (let i = 0; i < 5; i++) try { msg.call_function('never') } catch {} return 1",
        expect: [1, TIMEOUT],
        limits: { callFunctionTimeoutMs: 50, timeoutMs: 10_000 },
      },
      { name: 'a function that throws', attack: "return msg.call_function('fails')", expect: SCRIPT },
      {
        name: 'a function that throws an object without a prototype',
        attack: "return msg.call_function('throwsBare')",
        expect: SCRIPT,
      },
      {
        name: 'a function that rejects with an object without a prototype',
        attack: "return msg.call_function('rejectsBare')",
        expect: SCRIPT,
      },
      {
        name: 'a function that throws a getter',
        attack: "return msg.call_function('throwsGetter')",
        expect: SCRIPT,
      },
      {
        name: 'a function that returns no integer',
        attack: "return msg.call_function('odd')",
        expect: SCRIPT,
      },
      {
        name: 'a function in a toString',
        attack: "LM_ERR({ toJSON() { return msg.call_function('one') } }); return msg.call_function('later')",
        expect: 2,
      },
      {
        name: 'a function on a copy',
        attack:
          "const c = msg.copy(); c.call_function('edit'); return msg.getHeader('X-Function') === null && c.getHeader('X-Function') === 'here' ? 1 : 2",
        expect: 1,
      },
      {
        name: 'a function on a stale message',
        setup: 'let kept',
        attack:
          "const P = Object.getPrototypeOf(this), own = P.probe; P.probe = function (m, e) { try { msg.call_function('edit'); return 99 } catch {} return own.call(this, m, e) }; return 1",
        expect: 1,
      },
      {
        name: 'a function in a microtask',
        attack: "Promise.resolve().then(() => msg.call_function('edit')); return 1",
        expect: 1,
      },
      {
        name: 'a function at the edge of the stack',
        attack:
          "const f = () => { try { f() } catch { msg.call_function('one') } }; try { f() } catch {} return 1",
        expect: [1, STACK, SCRIPT, LIMIT, TIMEOUT],
      },
      { name: 'a function, then a loop', attack: "msg.call_function('later'); for (;;) {}", expect: TIMEOUT },
      {
        name: 'a function, then memory',
        attack: "msg.call_function('edit'); const all = []; for (;;) all.push(new Array(100).fill({}))",
        expect: [TIMEOUT, 'ERR_SIPLET_MEMORY'],
      },
      {
        name: 'JSON patched before a call',
        attack:
          "JSON.stringify = () => '{}'; JSON.parse = () => ({ code: 99 }); Object.prototype.toJSON = () => 'evil'; return msg.call_function('count', 'a', 'b')",
        expect: 2,
      },
      {
        name: 'edits that the function sees',
        attack:
          "msg.setHeader('X', '\\u20ac'); msg.setBody('\\ud83d\\ude00', 'text/plain'); const n = msg.call_function('edit'); return n === 3 && msg.getHeader('X-Function') === 'here' ? 1 : 2",
        expect: 1,
      },
    ]),
    Python: all([
      { name: 'calls without end', attack: "while True: msg.call_function('one')", expect: [LIMIT, SCRIPT] },
      {
        name: 'calls without end, caught',
        attack: "while True:\n    try: msg.call_function('one')\n    except Exception: pass",
        expect: TIMEOUT,
      },
      {
        name: 'names that objects have',
        attack:
          "n = 0\nfor f in ('__proto__', 'constructor', 'toString', '', '\\0'):\n    try:\n        msg.call_function(f)\n        n += 1\n    except Exception: pass\nreturn n",
        expect: 0,
      },
      {
        name: 'arguments of odd types',
        attack:
          "n = 0\nfor a in (None, {}, [], b'x', 2 ** 70, float('nan'), float('inf'), object()):\n    try:\n        msg.call_function('count', a)\n        n += 1\n    except Exception: pass\nreturn n",
        expect: 0,
      },
      {
        name: 'arguments straight to _siplet',
        attack:
          "import _siplet\nfor args in ((), (1,), (msg._number,), (msg._number, 1), (msg._number, 'one', None), (msg._number, 'count', 2 ** 70), (999, 'one')):\n    try: _siplet.call_function(*args)\n    except Exception: pass\nreturn 1",
        expect: [1, SCRIPT],
      },
      {
        name: 'a function that throws an object without a prototype',
        attack: "return msg.call_function('throwsBare')",
        expect: SCRIPT,
      },
      {
        name: 'a function that returns no integer',
        attack: "return msg.call_function('odd')",
        expect: SCRIPT,
      },
      {
        name: 'a function, then a loop',
        attack: "msg.call_function('later')\nwhile True: pass",
        expect: TIMEOUT,
      },
      {
        name: 'a function in a finalizer',
        setup:
          "class A:\n    def __init__(self, m): self.m = m\n    def __del__(self): self.m.call_function('one')",
        attack: 'import gc\na = A(msg)\na = None\ngc.collect()\nreturn 1',
        expect: 1,
      },
    ]),
  },
}
