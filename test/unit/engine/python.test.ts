/** Scripts in Python: the contract of the OpenSIPS module, in the interpreter inside the isolate. */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createEngine, type Engine } from '@siplet/engine'
import { SHADOWED, UNREACHABLE } from '../../../packages/engine/src/script/shadowed-modules.ts'
import { ISOLATIONS, keepingLogger, scriptFile, scriptFolder, withEngine } from '../../support/engine.ts'
import { INVITE, RINGING } from '../../support/messages.ts'

const HEAD = `
class Handler:
    def child_init(self, rank):
        self.rank = rank
        return 0
`

/** Returns a script whose object has these methods, which are given without indentation. */
function python(methods: string, top = ''): string {
  const indented = methods.trim().replace(/^/gm, '    ')
  return scriptFile(`${top}\n${HEAD}\n${indented}\n\ndef mod_init():\n    return Handler()\n`, 'handler.py')
}

function run<T>(methods: string, test: (engine: Engine) => Promise<T>, top = '', options = {}): Promise<T> {
  // Tests that do not test the time limit must pass on a busy machine.
  const limits = { timeoutMs: 2_000 }
  return withEngine('', { scriptName: python(methods, top), isolation: 'inline', limits, ...options }, test)
}

describe('a Python script', function () {
  this.timeout(20_000)

  for (const isolation of ISOLATIONS) {
    it(`routes in isolation ${isolation}, and is reloaded`, async () => {
      const route = `
def route(self, msg, extra):
    if msg.getHeader('f') is None or extra != 'ü':
        return -1
    msg.rewrite_ruri('sip:' + msg.Method + '@example.net')
    msg.set_dst_uri('sip:192.0.2.1')
    return self.rank + 4`
      await run(
        route,
        async (engine) => {
          for (let i = 0; i < 2; i++) {
            const result = await engine.exec('route', INVITE, { extraArgs: 'ü' })
            assert.deepEqual([result.code, result.error, result.dstUri], [5, null, 'sip:192.0.2.1'])
            assert.equal(result.message.ruri, 'sip:INVITE@example.net')
            await engine.reload()
          }
        },
        '',
        { isolation },
      )
    })
  }

  it('gets addresses as tuples, None for what is absent, bytes for raw parts', async () => {
    const route = `
def route(self, msg):
    assert msg.src_address == ('192.0.2.10', 5062) and type(msg.src_address) is tuple
    assert msg.getHeader('X-None') is None and msg.getHeaders('X-None') == []
    assert type(msg.raw) is bytes and msg.raw.startswith(b'INVITE ')
    assert 'Via' in msg.headerNames()
    assert msg.get_pseudoVar('$rm') == 'INVITE'
    other = msg.copy()
    other.rewrite_ruri('sip:copy@example.net')
    assert msg.RURI != other.RURI
    return 1`
    await run(route, async (engine) => {
      const result = await engine.exec('route', INVITE, { src: ['192.0.2.10', 5062] })
      assert.equal(result.error, null)
    })
  })

  const errors: [what: string, body: string, expected: RegExp][] = [
    ['a member of replies on a request', 'return msg.Status', /^RuntimeError: Status is for replies only/],
    [
      'an argument of another type',
      'return msg.getHeader(5)',
      /^TypeError: getHeader\(\): name must be str, not int/,
    ],
    [
      'a wrong number of arguments',
      'return msg.rewrite_ruri()',
      /^TypeError: rewrite_ruri\(uri\) takes 1 argument, not 0/,
    ],
    ['a line break in a header', "return msg.setHeader('A', 'b\\r\\nC: d')", /^ValueError: .*CR, LF/],
    ['a malformed URI', "return msg.rewrite_ruri('nonsense')", /^ValueError: /],
    ['an assignment', "msg.RURI = 'sip:a@b'", /^AttributeError: RURI cannot be assigned: use rewrite_ruri/],
    ['an unknown attribute', 'return msg.Nothing', /^AttributeError: .*Nothing/],
    ['an unknown function', "return msg.call_function('nope')", /^RuntimeError: .*nope/],
    ['sys.exit', 'import sys; sys.exit(3)', /^SystemExit: 3/],
    ['a module that is not there', 'import threading', /^ImportError: .*threading/],
    ['the bridge to JavaScript', 'import js; return js.globalThis', /^AttributeError/],
    ['a constructor of JavaScript', "import js; return js.Function('return 1')()", /^AttributeError/],
  ]
  for (const [what, body, expected] of errors) {
    it(`gets an exception at its line for ${what}; the next call works`, async () => {
      const methods = `def route(self, msg):\n    ${body}\n\ndef ok(self, msg):\n    return 1`
      await run(methods, async (engine) => {
        const { code, error, message } = await engine.exec('route', INVITE)
        assert.equal(code, -1)
        assert.equal(error?.code, 'ERR_SIPLET_SCRIPT')
        assert.match(error.message, expected)
        assert.match(error.stack!, /File ".*handler\.py", line 9, in route/)
        assert.doesNotMatch(error.stack!, /siplet_child/)
        assert.equal(message.toBuffer().toString(), INVITE)
        assert.equal((await engine.exec('ok', INVITE)).code, 1)
      })
    })
  }

  it('reports a stale message before wrong arguments', async () => {
    const methods = `
def keep(self, msg):
    self.kept = msg.copy()
    return 1

def use(self, msg):
    return self.kept.rewrite_ruri(1, 2)`
    await run(methods, async (engine) => {
      await engine.exec('keep', INVITE)
      assert.match((await engine.exec('use', INVITE)).error!.message, /^RuntimeError: .*no longer there/)
    })
  })

  for (const value of ['None', "'1'", '1.0', '2 ** 31', '[1]']) {
    it(`returns ${value}: ERR_SIPLET_RETURN_TYPE; the next call works`, async () => {
      const methods = `def route(self, msg):\n    return ${value}\n\ndef ok(self, msg):\n    return True`
      await run(methods, async (engine) => {
        assert.equal((await engine.exec('route', INVITE)).error?.code, 'ERR_SIPLET_RETURN_TYPE')
        assert.equal((await engine.exec('ok', RINGING)).code, 1)
        assert.equal((await engine.exec('none', INVITE)).error?.code, 'ERR_SIPLET_METHOD_NOT_FOUND')
      })
    })
  }

  it('is stopped by its time limit, its memory limit and the depth of its stack; the child is rebuilt', async () => {
    const methods = `
def loop(self, msg):
    while True:
        pass

def grow(self, msg):
    kept = []
    try:
        while True:
            kept.append(bytearray(100000))
    except MemoryError:
        return 1

def deep(self, msg):
    return self.deep(msg)

def ok(self, msg):
    return 1`
    const limits = { timeoutMs: 2_000, memoryMb: 32 }
    await run(
      methods,
      async (engine) => {
        for (const [method, code] of [
          ['grow', 'ERR_SIPLET_MEMORY'],
          ['deep', 'ERR_SIPLET_STACK'],
          ['loop', 'ERR_SIPLET_TIMEOUT'],
        ] as const) {
          assert.equal((await engine.exec(method, INVITE)).error?.code, code)
          assert.equal((await engine.exec('ok', INVITE)).code, 1)
        }
      },
      '',
      { limits },
    )
  })

  it('imports modules and packages next to it, and logs', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'siplet-python-'))
    const write = (name: string, text: string) => {
      mkdirSync(dirname(join(folder, name)), { recursive: true })
      writeFileSync(join(folder, name), text)
    }
    write('numbers.py', 'def double(n):\n    return 2 * n\n')
    write('routing/__init__.py', '')
    write('routing/table.py', 'from . import prefix\nROUTES = {prefix.NAME: 21}\n')
    write('routing/prefix.py', "NAME = 'x'\n")
    const source = `
import OpenSIPS
from numbers import double
from routing.table import ROUTES
${HEAD}
    def route(self, msg):
        OpenSIPS.LM_WARN('wärm')
        print('printed')
        return double(ROUTES['x'])

def mod_init():
    return Handler()
`
    write('route-by-table.py', source)
    const logger = keepingLogger()
    try {
      await using engine = await createEngine({
        scriptName: join(folder, 'route-by-table.py'),
        isolation: 'inline',
        logger,
      })
      assert.equal((await engine.exec('route', INVITE)).code, 42)
      assert.deepEqual(
        logger.records.map(({ level, message }) => [level, message]),
        [
          ['warn', 'wärm'],
          ['info', 'printed'],
        ],
      )
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  it('a module next to it takes precedence over MicroPython modules, but not over built-in ones; a warning says so', async () => {
    const { write } = scriptFolder()
    const names = [...SHADOWED, ...UNREACHABLE]
    for (const name of names) write(`${name}.py`, 'BESIDE = True\n')
    const scriptName = write(
      'handler.py',
      `${names.map((name) => `import ${name}`).join('\n')}
class Handler:
    def child_init(self, rank):
        return 0

def mod_init():
    for name in '${names.join(' ')}'.split(' '):
        OpenSIPS.LM_INFO(name, hasattr(globals()[name], 'BESIDE'))
    return Handler()
`,
    )
    const logger = keepingLogger()
    await using _ = await createEngine({ scriptName, isolation: 'inline', logger })
    const messages = (wanted: string) =>
      logger.records.filter(({ level }) => level === wanted).map(({ message }) => message)
    assert.deepEqual(messages('info'), [
      ...SHADOWED.map((name) => `${name} True`),
      ...UNREACHABLE.map((name) => `${name} False`),
    ])
    assert.deepEqual(
      messages('warn').map((message) => /^import (\w+): .* is (not )?taken/.exec(message)?.slice(1)),
      [...SHADOWED.map((name) => [name, undefined]), ...UNREACHABLE.map((name) => [name, 'not '])],
    )
  })

  it('stats() includes the memory of the interpreter', async () => {
    const grow = `
def route(self, msg):
    self.kept = bytearray(20 << 20)
    return 1`
    await run(grow, async (engine) => {
      await engine.exec('none', INVITE)
      const before = engine.stats().children[0]!.heapBytes
      assert.ok(before > 16 << 20, `${before} bytes`) // memory that the interpreter starts with
      assert.equal((await engine.exec('route', INVITE)).code, 1)
      // The heap is measured once per second.
      await new Promise((resolve) => setTimeout(resolve, 1_100))
      await engine.exec('none', INVITE)
      const { heapBytes } = engine.stats().children[0]!
      assert.ok(heapBytes > 20 << 20 && heapBytes > before, `${heapBytes} bytes`)
    })
  })

  it('calls functions of the embedder', async () => {
    const route = `
def route(self, msg):
    code = msg.call_function('lookup', 'a', 2 ** 40, 1.5)
    return code if msg.RURI == 'sip:found@example.net' else -1`
    const functions = {
      lookup: async (message: { rewriteRURI(uri: string): void }, ...args: unknown[]) => {
        assert.deepEqual(args, ['a', 2 ** 40, 1.5])
        message.rewriteRURI('sip:found@example.net')
        return 3
      },
    }
    await run(
      route,
      async (engine) => {
        const { code, error } = await engine.exec('route', INVITE)
        assert.deepEqual([error, code], [null, 3])
      },
      '',
      { functions },
    )
  })

  const unloadable: [top: string, code: string, message: RegExp][] = [
    ['print "x"', 'ERR_SIPLET_SCRIPT_SYNTAX', /handler\.py:1: .*Python 2; write print\(…\)\n +1 │ print "x"/],
    [
      'try:\n    pass\nexcept Exception, e:\n    pass',
      'ERR_SIPLET_SCRIPT_SYNTAX',
      /handler\.py:3: .*write except Name as error:/,
    ],
    ['raise ValueError, "x"', 'ERR_SIPLET_SCRIPT_SYNTAX', /handler\.py:1: .*write raise Name\(text\)/],
    ['x = 1 <> 2', 'ERR_SIPLET_SCRIPT_SYNTAX', /handler\.py:1: .*write !=/],
    ['def f(:\n    pass', 'ERR_SIPLET_SCRIPT_SYNTAX', /handler\.py:1: invalid syntax\n/],
    ['import re\nimport threading', 'ERR_SIPLET_SCRIPT_IMPORT', /handler\.py:2: no module threading/],
    ['import KSR', 'ERR_SIPLET_SCRIPT_IMPORT', /no module KSR, .*docs\/migrating-from-opensips\.md/],
    [
      'class H:\n    pass\ndef mod_init():\n    return H()',
      'ERR_SIPLET_CHILD_INIT',
      /no method child_init: add one that returns 0, or .*childInitMethod.* \(in \S+handler\.py\)$/,
    ],
    ['x = nothing', 'ERR_SIPLET_SCRIPT_LOAD', /NameError: name 'nothing' isn't defined/],
  ]
  for (const [top, code, message] of unloadable) {
    it(`reports where and why it cannot be loaded: ${top.replace(/\n\s*/g, ' ')}`, async () => {
      const scriptName = scriptFile(`${top}\n`, 'handler.py')
      await assert.rejects(createEngine({ scriptName, isolation: 'inline' }), { code, message })
    })
  }
})
