/**
 * Scripts that attack before the first message: while they are loaded, in mod_init, in child_init, or during a rebuild.
 */
import type { Expected, Kind, StartAttack } from '../attack.ts'

const LOAD = 'ERR_SIPLET_SCRIPT_LOAD'
const MOD = 'ERR_SIPLET_MOD_INIT'
const CHILD = 'ERR_SIPLET_CHILD_INIT'
const LOST = 'ERR_SIPLET_CHILD_LOST'

/**
 * Actions of a hostile script in one of the three places, in JavaScript. The code is placed where statements may be.
 */
const ACTS: Record<string, string> = {
  'a loop': 'for (;;) {}',
  'a loop that catches everything': 'for (;;) try { for (;;) {} } catch {}',
  'a thrown error whose stack loops':
    'const e = new Error("x"); Object.defineProperty(e, "stack", { get() { for (;;) {} } }); throw e',
  'a thrown error whose message loops': 'throw { get message() { for (;;) {} } }',
  'a thrown Proxy whose traps loop':
    'throw new Proxy({}, { get() { for (;;) {} }, getPrototypeOf() { for (;;) {} } })',
  'Error.prepareStackTrace that loops':
    'Error.prepareStackTrace = () => { for (;;) {} }; throw new Error("x")',
  'a flood of microtasks, then an error':
    'const f = () => Promise.resolve().then(f); f(); throw new Error("x")',
  'memory without end': 'const all = []; for (;;) all.push({ all: [] })',
  recursion: 'const f = () => f() + 1; f()',
  'a search that nothing marks': 'Array.prototype.includes.call({ length: 2 ** 53 - 1 }, 1)',
  'log lines without end': 'for (;;) LM_ERR("x".repeat(100))',
  'throwing null': 'throw null',
  'throwing a revoked Proxy': 'const { proxy, revoke } = Proxy.revocable({}, {}); revoke(); throw proxy',
}

const whole = (top: string, mod: string, child: string) => `
${top}
function mod_init() {
  ${mod}
  return { METHODS child_init() { ${child}; return 0 } }
}`

const PLACES = [
  { place: 'at the top level', code: LOAD, source: (act: string) => whole(`{ ${act} }`, '', '') },
  { place: 'in mod_init', code: MOD, source: (act: string) => whole('', `{ ${act} }`, '') },
  { place: 'in child_init', code: CHILD, source: (act: string) => whole('', '', `{ ${act} }`) },
] as const

/** V8 does not check for an interrupt there, so only the end of the process ends it. */
const UNINTERRUPTED: Record<string, string> = {
  'a search that nothing marks':
    'V8 does not check for an interrupt in includes and indexOf of an array-like object',
}

const everywhere = PLACES.flatMap(({ place, code, source }) =>
  Object.entries(ACTS).map(
    ([name, act]): StartAttack => ({
      name: `${place}, ${name}`,
      source: source(act),
      when: 'start',
      expect: codesOfStart(code, name),
      uninterrupted: UNINTERRUPTED[name],
    }),
  ),
)

/** A start that ends with its pool process gets CHILD_INIT, at whatever step it hangs. */
function codesOfStart(code: Expected, name: string): Expected[] {
  return name in UNINTERRUPTED ? [code, CHILD, LOST] : [code, LOST]
}

/** Actions that could block a rebuild. */
const AT_A_REBUILD = [
  'a loop',
  'a thrown error whose stack loops',
  'a thrown Proxy whose traps loop',
  'Error.prepareStackTrace that loops',
  'a flood of microtasks, then an error',
  'a search that nothing marks',
  'memory without end',
]
const atARebuild = PLACES.flatMap(({ place, code, source }) =>
  AT_A_REBUILD.map(
    (name): StartAttack => ({
      name: `${place} of a rebuild, ${name}`,
      source: source(`if (Date.now() >= START_OF_ATTACK) { ${ACTS[name]} }`),
      when: 'rebuild',
      expect: codesOfStart(code, name),
      uninterrupted: UNINTERRUPTED[name],
    }),
  ),
)

const object = (text: string) => `function mod_init() { ${text} }`

const PYTHON_ACTS: Record<string, string> = {
  'a loop': 'while True: pass',
  'a raised error whose text loops':
    'class E(Exception):\n    def __str__(self):\n        while True: pass\n    __repr__ = __str__\nraise E()',
  'memory without end': 'a = []\nwhile True: a.append([1, 2, 3])',
  recursion: 'def f(): return f() + 1\nf()',
  SystemExit: 'raise SystemExit(0)',
  KeyboardInterrupt: 'raise KeyboardInterrupt',
}

const indented = (text: string, spaces: number) => text.replace(/^/gm, ' '.repeat(spaces))
const pythonWhole = (top: string, mod: string, child: string) => `
${top}
class Hostile:
    METHODS
    def child_init(self, rank):
${indented(child, 8)}
        return 0
def mod_init():
${indented(mod, 4)}
    return Hostile()
`
const PYTHON_PLACES = [
  { place: 'at the top level', code: LOAD, source: (act: string) => pythonWhole(act, 'pass', 'pass') },
  { place: 'in mod_init', code: MOD, source: (act: string) => pythonWhole('', act, 'pass') },
  { place: 'in child_init', code: CHILD, source: (act: string) => pythonWhole('', 'pass', act) },
] as const

export const STARTS: Kind = {
  title: 'attacks while it starts, or starts again',
  attacks: { JavaScript: [], Python: [] },
  starts: {
    JavaScript: [
      ...everywhere,
      ...atARebuild,
      {
        name: 'mod_init returns a Proxy whose traps loop',
        source: object('return new Proxy({}, { get() { for (;;) {} } })'),
        when: 'start',
        expect: [MOD, CHILD, LOST],
      },
      {
        name: 'mod_init returns a revoked Proxy',
        source: object('const { proxy, revoke } = Proxy.revocable({}, {}); revoke(); return proxy'),
        when: 'start',
        expect: [MOD, CHILD],
      },
      {
        name: 'mod_init returns an object whose prototype chain never ends',
        source: object(
          'return new Proxy({ child_init: () => 0, probe: () => 1 }, { getPrototypeOf(t) { return new Proxy({}, this) } })',
        ),
        when: 'start',
        expect: [MOD, CHILD, LOST, 1],
      },
      {
        name: 'mod_init returns an object whose ownKeys loops',
        source: object(
          'return new Proxy({ child_init: () => 0, probe: () => 1 }, { ownKeys() { for (;;) {} } })',
        ),
        when: 'start',
        expect: [MOD, CHILD, LOST, 1],
      },
      {
        name: 'mod_init returns an object with a million methods',
        source: object(
          'const o = { child_init: () => 0, probe: () => 1 }; for (let i = 0; i < 1e5; i++) o["m" + i] = o.probe; return o',
        ),
        when: 'start',
        expect: [MOD, CHILD, LOST, 1],
      },
      {
        name: 'mod_init returns an object with a method whose name is huge',
        source: object('return { child_init: () => 0, probe: () => 1, ["x".repeat(2 ** 22)]: () => 1 }'),
        when: 'start',
        expect: [MOD, CHILD, LOST, 1],
      },
      {
        name: 'mod_init returns an object with hostile names',
        source: object(
          'return { child_init: () => 0, probe: () => 1, "\\u001b[2J": () => 1, "\\ud800": () => 1, "a\\r\\nb\\0": () => 1, __proto__: { ["__proto__"]: () => 1 } }',
        ),
        when: 'start',
        expect: [MOD, CHILD, 1],
      },
      {
        name: 'mod_init returns an object with methods whose tags loop',
        source: object(
          'const f = () => 1; Object.defineProperty(f, Symbol.toStringTag, { get() { for (;;) {} } }); return { child_init: () => 0, probe: () => 1, f }',
        ),
        when: 'start',
        expect: [MOD, CHILD, LOST, 1],
      },
      {
        name: 'mod_init returns an object with methods whose tags throw',
        source: object(
          'const f = () => 1; Object.defineProperty(f, Symbol.toStringTag, { get() { throw 1 } }); return { child_init: () => 0, probe: () => 1, f }',
        ),
        when: 'start',
        expect: [MOD, CHILD, LOST, 1],
      },
      {
        name: 'mod_init returns an object with a child_init that is a getter which loops',
        source: object('return { get child_init() { for (;;) {} }, probe: () => 1 }'),
        when: 'start',
        expect: [MOD, CHILD, LOST],
      },
      {
        name: 'mod_init returns a thenable that loops',
        source: object('return { get then() { for (;;) {} }, child_init: () => 0, probe: () => 1 }'),
        when: 'start',
        expect: [MOD, LOST, 1],
      },
      {
        name: 'mod_init returns a promise',
        source: object('return Promise.resolve({ child_init: () => 0 })'),
        when: 'start',
        expect: MOD,
      },
      {
        name: 'mod_init returns a function',
        source: object('return Object.assign(() => 1, { child_init: () => 0, probe: () => 1 })'),
        when: 'start',
        expect: [MOD, 1],
      },
      {
        name: 'mod_init is a Proxy',
        source: 'globalThis.mod_init = new Proxy(function () {}, { apply() { for (;;) {} } })',
        when: 'start',
        expect: [MOD, LOST, LOAD],
      },
      {
        name: 'mod_init is a getter on globalThis that loops',
        source: 'Object.defineProperty(globalThis, "mod_init", { get() { for (;;) {} } })',
        when: 'start',
        expect: [MOD, LOST, LOAD],
      },
      {
        name: 'child_init returns NaN',
        source: object('return { child_init: () => NaN }'),
        when: 'start',
        expect: CHILD,
      },
      {
        name: 'child_init returns a BigInt',
        source: object('return { child_init: () => 0n }'),
        when: 'start',
        expect: CHILD,
      },
      {
        name: 'child_init returns an object whose valueOf loops',
        source: object(
          'return { child_init: () => ({ valueOf() { for (;;) {} }, get then() { for (;;) {} } }) }',
        ),
        when: 'start',
        expect: [CHILD, LOST],
      },
      {
        name: 'child_init leaves a flood of microtasks',
        source: object(
          'return { child_init() { const f = () => Promise.resolve().then(f); f(); return 0 }, probe: () => 1 }',
        ),
        when: 'start',
        expect: [CHILD, LOST, 1],
      },
      {
        name: 'child_init leaves a microtask that loops',
        source: object(
          'return { child_init() { Promise.resolve().then(() => { for (;;) {} }); return 0 }, probe: () => 1 }',
        ),
        when: 'start',
        expect: [CHILD, LOST, 1],
      },
      {
        name: 'child_init takes nearly all memory',
        source: object(
          'return { child_init() { this.all = []; for (let i = 0; i < 1e5; i++) this.all.push({ i }); return 0 }, probe: () => 1 }',
        ),
        when: 'start',
        expect: [CHILD, LOST, 1],
      },
      {
        name: 'a top level that replaces everything',
        source:
          'for (const k of Object.getOwnPropertyNames(globalThis)) try { globalThis[k] = null } catch {}\nfunction mod_init() { return { child_init: () => 0, probe: () => 1 } }',
        when: 'start',
        expect: [LOAD, MOD, 1],
      },
      {
        name: 'an error at the top level whose constructor loops',
        source: 'throw { constructor: { get name() { for (;;) {} } }, get name() { for (;;) {} } }',
        when: 'start',
        expect: [LOAD, LOST],
      },
      {
        name: 'an error at the top level that says it is of ours',
        source:
          'throw Object.assign(new Error("x"), { code: "ERR_SIPLET_CLOSED", name: "SipletError", rank: 7 })',
        when: 'start',
        expect: LOAD,
      },
      {
        name: 'a message of a megabyte',
        source: 'throw new Error("x".repeat(2 ** 20))',
        when: 'start',
        expect: LOAD,
      },
      { name: 'an empty script', source: '', when: 'start', expect: MOD },
      {
        name: 'a top level await',
        source: 'await new Promise(() => {}); export function mod_init() { return {} }',
        when: 'start',
        expect: ['ERR_SIPLET_SCRIPT_SYNTAX', LOAD, MOD],
      },
    ],
    Python: [
      ...PYTHON_PLACES.flatMap(({ place, code, source }) =>
        Object.entries(PYTHON_ACTS).map(
          ([name, act]): StartAttack => ({
            name: `${place}, ${name}`,
            source: source(act),
            when: 'start',
            expect: [code, LOST],
          }),
        ),
      ),
      ...PYTHON_PLACES.flatMap(({ place, code, source }) =>
        ['a loop', 'memory without end', 'a raised error whose text loops'].map(
          (name): StartAttack => ({
            name: `${place} of a rebuild, ${name}`,
            source: source(
              `import time\nif time.time() * 1000 >= START_OF_ATTACK:\n${indented(PYTHON_ACTS[name]!, 4)}`,
            ),
            when: 'rebuild',
            expect: [code, LOST],
          }),
        ),
      ),
      {
        name: 'mod_init returns an object whose dir loops',
        source:
          'class H:\n    def __dir__(self):\n        while True: pass\n    def __getattr__(self, n):\n        while True: pass\ndef mod_init(): return H()',
        when: 'start',
        expect: [MOD, CHILD, LOST],
      },
      {
        name: 'mod_init returns a generator',
        source: 'def mod_init():\n    yield 1',
        when: 'start',
        expect: MOD,
      },
      {
        name: 'child_init returns 2 ** 70',
        source:
          'class H:\n    def child_init(self, r): return 2 ** 70\n    def probe(self, m): return 1\ndef mod_init(): return H()',
        when: 'start',
        expect: [CHILD, 1],
      },
      {
        name: 'siplet_child replaced at the top level',
        source:
          'import siplet_child\nfor n in dir(siplet_child):\n    try: setattr(siplet_child, n, lambda *a: 1.5)\n    except Exception: pass\nclass H:\n    def child_init(self, r): return 0\n    def probe(self, m): return 1\ndef mod_init(): return H()',
        when: 'start',
        expect: [LOAD, MOD, CHILD, 1, 'ERR_SIPLET_RETURN_TYPE', 'ERR_SIPLET_SCRIPT', LOST],
      },
      {
        name: '_siplet called at the top level',
        source:
          "import _siplet\nfor n in dir(_siplet):\n    try: getattr(_siplet, n)(1, 'x', 'y')\n    except Exception: pass\nclass H:\n    def child_init(self, r): return 0\n    def probe(self, m): return 1\ndef mod_init(): return H()",
        when: 'start',
        expect: [LOAD, 1],
      },
      {
        name: 'sys.path and sys.modules cleared at the top level',
        source:
          'import sys\nsys.path.clear()\nsys.modules.clear()\nclass H:\n    def child_init(self, r): return 0\n    def probe(self, m): return 1\ndef mod_init(): return H()',
        when: 'start',
        expect: [LOAD, MOD, CHILD, 1],
      },
    ],
  },
}
