/** Scripts that flood the log, or write lines that look like those of somebody else. */
import { EITHER, type Kind, MEMORY, SCRIPT, STACK, TIMEOUT, TOO_LARGE } from '../attack.ts'

export const LOGS: Kind = {
  title: 'floods or forges the log',
  attacks: {
    JavaScript: [
      { name: 'log lines without end', attack: "for (;;) LM_INFO('x'.repeat(1000))", expect: TIMEOUT },
      { name: 'empty log lines without end', attack: "for (;;) LM_INFO('')", expect: TIMEOUT },
      {
        name: 'a thousand log lines',
        attack: "for (let i = 0; i < 1000; i++) LM_ERR('line ' + i); return 1",
        expect: 1,
      },
      {
        name: 'a log line of 16 MB',
        attack: "LM_ERR('x'.repeat(2 ** 24)); return 1",
        expect: [1, SCRIPT, TOO_LARGE, MEMORY],
      },
      {
        name: 'a log line of 16 MB of characters of three bytes',
        attack: "LM_ERR('\\u20ac'.repeat(2 ** 23)); return 1",
        expect: [1, SCRIPT, TOO_LARGE, ...EITHER],
      },
      {
        name: 'log lines, then a result that has no room',
        attack:
          "for (let i = 0; i < 100; i++) LM_ERR('x'.repeat(1000)); msg.setHeader('X', 'y'.repeat(60000)); return 1",
        expect: [1, TOO_LARGE],
      },
      {
        name: 'escapes of a terminal',
        attack: "LM_ERR('\\u001b[2J\\u001b]0;evil\\u0007\\u009b31m\\u202e'); return 1",
        expect: 1,
      },
      {
        name: 'a forged line',
        attack: 'LM_ERR(\'x\\n{"level":60,"msg":"forged"}\\r\\nALERT: forged\'); return 1',
        expect: 1,
      },
      {
        name: 'NUL and lone surrogates',
        attack: "LM_ERR('\\0\\ud800\\udc00\\udc00\\ud800'); return 1",
        expect: 1,
      },
      {
        name: 'a log line whose toJSON loops',
        attack: 'LM_ERR({ toJSON() { for (;;) {} } }); return 1',
        expect: TIMEOUT,
      },
      {
        name: 'a log line whose stack getter loops',
        attack: 'LM_ERR({ get stack() { for (;;) {} } }); return 1',
        expect: [TIMEOUT, 1],
      },
      {
        name: 'a log line whose stack getter throws',
        attack: 'try { LM_ERR({ get stack() { throw new Error("x") } }) } catch {} return 1',
        expect: 1,
      },
      {
        name: 'a log line whose toString throws',
        attack:
          'try { LM_ERR({ toJSON() { throw 1 }, toString() { throw 2 }, get [Symbol.toStringTag]() { throw 3 } }) } catch {} return 1',
        expect: 1,
      },
      {
        name: 'a log line that is a revoked Proxy',
        attack:
          'const { proxy, revoke } = Proxy.revocable({}, {}); revoke(); try { LM_ERR(proxy) } catch {} return 1',
        expect: 1,
      },
      {
        name: 'a log line that logs as it is made text',
        attack: 'const o = { toJSON() { LM_ERR(o); return 1 } }; LM_ERR(o); return 1',
        expect: [1, STACK, SCRIPT],
      },
      {
        name: 'a log line that is a Symbol, a BigInt, a function',
        attack: "try { LM_ERR(Symbol('x'), 1n, () => 1, null, undefined, -0, NaN) } catch {} return 1",
        expect: 1,
      },
      {
        name: 'a log line that cannot be JSON',
        attack: 'const o = {}; o.o = o; LM_ERR(o, { n: 1n }, [undefined, () => 1]); return 1',
        expect: 1,
      },
      {
        name: 'a log line of a million arguments',
        attack: 'LM_ERR(...new Array(1e5).fill("x")); return 1',
        expect: [1, STACK, SCRIPT],
      },
      {
        name: 'log functions called on something else',
        attack:
          "LM_ERR.call(null, 'x'); Reflect.apply(LM_ERR, {}, ['x']); try { new LM_ERR('x') } catch {} return 1",
        expect: 1,
      },
      {
        name: 'OpenSIPS and console patched',
        attack:
          'OpenSIPS.LM_ERR = null; console.log = () => { throw 1 }; globalThis.LM_ERR = 5; globalThis.OpenSIPS = null; return 1',
        expect: 1,
      },
      {
        name: 'a stack in a log line that looks like a frame',
        attack:
          "LM_ERR('x\\n    at evil (/etc/passwd:1:1)\\n    at evil (hostile.js:999999999:999999999)'); return 1",
        expect: 1,
      },
      {
        name: 'a stack in an error that looks like a frame',
        attack: "const e = new Error('x'); e.stack = 'at ' + '('.repeat(8000) + ':1:1'; throw e",
        expect: SCRIPT,
      },
      {
        name: 'a stack in an error with hostile places',
        attack:
          "const e = new Error('x'); e.stack = Array.from({ length: 200 }, (_, i) => '    at f (hostile.js:' + i * 1e9 + ':-1)').join('\\n'); throw e",
        expect: SCRIPT,
      },
      {
        name: 'log lines from a microtask',
        attack: "Promise.resolve().then(() => { for (let i = 0; i < 100; i++) LM_ERR('late') }); return 1",
        expect: 1,
      },
      {
        name: 'a log function kept and called later',
        attack:
          "const P = Object.getPrototypeOf(this), own = P.probe, log = LM_ERR; P.probe = function (m, e) { for (let i = 0; i < 50; i++) log('x'); return own.call(this, m, e) }; return 1",
        expect: 1,
      },
      {
        name: 'formats of the logger',
        attack: "LM_ERR('%s %d %o %j %n %%', { level: 60 }, '%s'); return 1",
        expect: 1,
      },
    ],
    Python: [
      {
        name: 'log lines without end',
        attack: "import OpenSIPS\nwhile True: OpenSIPS.LM_ERR('x' * 1000)",
        expect: [TIMEOUT, MEMORY],
      },
      {
        name: 'printed lines without end',
        attack: "while True: print('x' * 1000)",
        expect: [TIMEOUT, MEMORY],
      },
      {
        name: 'a line without end',
        attack: "while True: print('x' * 1000, end='')",
        expect: [TIMEOUT, MEMORY, SCRIPT],
      },
      {
        name: 'a line without end by sys.stdout',
        attack: "import sys\nwhile True: sys.stdout.write('x' * 1000)",
        expect: [TIMEOUT, MEMORY, SCRIPT],
      },
      {
        name: 'escapes and forged lines',
        attack:
          "import OpenSIPS\nOpenSIPS.LM_ERR('\\x1b[2J\\x9b\\r\\nALERT: forged\\0')\nprint('\\x1b[2J\\rALERT')\nreturn 1",
        expect: 1,
      },
      {
        name: 'bytes that are no UTF-8, written',
        attack:
          "import sys\ntry: sys.stdout.buffer.write(b'\\xff\\xfe\\xc3')\nexcept Exception: pass\nreturn 1",
        expect: 1,
      },
      {
        name: 'an object whose text loops',
        setup: 'class A:\n    def __str__(self):\n        while True: pass',
        attack: 'import OpenSIPS\nOpenSIPS.LM_ERR(A())\nreturn 1',
        expect: TIMEOUT,
      },
      {
        name: 'an object whose text is no text',
        setup: 'class A:\n    def __str__(self): return 5',
        attack: 'import OpenSIPS\ntry: OpenSIPS.LM_ERR(A())\nexcept Exception: pass\nreturn 1',
        expect: 1,
      },
      {
        name: '_siplet.log with a level that names a property',
        attack:
          "import _siplet\nfor level in ('length', '__proto__', 'constructor', 'map', 'at', -1, 7, 255, 256, 2 ** 31 - 1, 1.5, float('nan'), None, True, [], {}):\n    try: _siplet.log(level, 'x')\n    except Exception: pass\nreturn 1",
        expect: [1, SCRIPT],
      },
      {
        name: '_siplet.log with the level length',
        attack: "import _siplet\n_siplet.log('length', 'x')\nreturn 1",
        expect: [1, SCRIPT],
      },
      {
        name: '_siplet.log of what is no text',
        attack:
          "import _siplet\nfor v in (None, 1, 1.5, [], {}, b'x', object()):\n    try: _siplet.log(2, v)\n    except Exception: pass\nreturn 1",
        expect: [1, SCRIPT],
      },
      {
        name: 'a log line of 4 MB',
        attack: "import OpenSIPS\nOpenSIPS.LM_ERR('x' * 4000000)\nreturn 1",
        expect: [1, SCRIPT, MEMORY, TOO_LARGE],
      },
      {
        name: 'logging of the standard library',
        attack:
          "import logging\nlogging.basicConfig(level=0)\nfor i in range(1000): logging.error('%s %d', 'x', i)\nreturn 1",
        expect: [1, SCRIPT],
      },
      {
        name: 'print into a file that is hostile',
        setup: 'class F:\n    def write(self, s):\n        while True: pass',
        attack: "print('x', file=F())\nreturn 1",
        expect: [TIMEOUT, SCRIPT],
      },
      {
        name: 'an exception printed into a file that is hostile',
        setup: 'class F:\n    def write(self, s): raise MemoryError',
        attack:
          "import sys\ntry: sys.print_exception(ValueError('x'), F())\nexcept BaseException: pass\nreturn 1",
        expect: [1, SCRIPT],
      },
    ],
  },
}
