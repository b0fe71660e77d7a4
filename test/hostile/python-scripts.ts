/** What scripts may do to us, in Python. Each `attack` is the body of a method, unindented; see scripts.ts. */
import type { HostileScript } from './scripts.ts'

const TIMEOUT = 'ERR_SIPLET_TIMEOUT'
const MEMORY = 'ERR_SIPLET_MEMORY'
const SCRIPT = 'ERR_SIPLET_SCRIPT'
const STACK = 'ERR_SIPLET_STACK'
const RETURN = 'ERR_SIPLET_RETURN_TYPE'

export const HOSTILE_PYTHON_SCRIPTS: readonly HostileScript[] = [
  { name: 'an endless loop', attack: 'while True: pass', expect: TIMEOUT },
  {
    name: 'an endless loop that catches everything',
    attack: `
while True:
    try:
        while True: pass
    except: pass`,
    expect: TIMEOUT,
  },
  {
    name: 'an endless generator',
    attack: `
def forever():
    while True: yield 1
return sum(forever())`,
    expect: TIMEOUT,
  },
  {
    name: 'a list that grows',
    attack: `
all = []
while True: all.append('x' * 1000)`,
    expect: [MEMORY, SCRIPT],
  },
  { name: 'one huge list', attack: 'return len([0] * 10 ** 9)', expect: [MEMORY, SCRIPT] },
  {
    name: 'a bytearray beyond the limit',
    attack: 'return len(bytearray(10 ** 9))',
    expect: [MEMORY, SCRIPT],
  },
  {
    name: 'a dict that grows, MemoryError caught',
    attack: `
all = {}
n = 0
while True:
    try:
        n += 1
        all[n] = 'x' * 1000
    except MemoryError: pass`,
    expect: [TIMEOUT, MEMORY],
  },
  { name: 'integers that grow', attack: 'n = 3\nwhile True: n = n * n', expect: [TIMEOUT, MEMORY, SCRIPT] },
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
    name: 'import js',
    attack: "import js\nreturn 2 if hasattr(js, 'globalThis') or hasattr(js, 'eval') else 1",
    expect: [1, SCRIPT],
  },
  {
    name: 'import jsffi',
    attack: "import jsffi\nreturn jsffi.create_proxy(lambda: 1).constructor.constructor('return 1')()",
    expect: SCRIPT,
  },
  { name: 'import of the host', attack: 'import os\nreturn len(os.listdir("/proc"))', expect: SCRIPT },
  { name: 'a file of the host', attack: "return len(open('/etc/passwd').read())", expect: SCRIPT },
  { name: 'sockets', attack: 'import socket\nreturn 1', expect: SCRIPT },
  { name: 'sys.exit', attack: 'import sys\nsys.exit(0)', expect: SCRIPT },
  { name: 'raising SystemExit', attack: 'raise SystemExit(3)', expect: SCRIPT },
  { name: 'raising a class without arguments', attack: 'raise KeyboardInterrupt', expect: SCRIPT },
  { name: 'an async method that never settles', attack: 'async def f(): pass\nreturn f()', expect: RETURN },
  { name: 'a generator as result', attack: 'return (x for x in [1])', expect: RETURN },
  { name: 'an integer beyond 32 bits', attack: 'return 2 ** 70', expect: RETURN },
  {
    name: 'CR LF in every argument',
    attack: `
n = 0
for f in (lambda: msg.setHeader('X', 'a\\r\\nB: c'), lambda: msg.appendHeader('X\\r\\nB', 'c'),
          lambda: msg.rewrite_ruri('sip:a@b\\r\\nX: y'), lambda: msg.set_dst_uri('sip:a\\r\\n'),
          lambda: msg.setBody('x', 'text/plain\\r\\nX: y')):
    try: f()
    except Exception: n += 1
return n`,
    expect: 5,
  },
  {
    name: 'msg kept after its exec',
    setup: 'kept = []',
    attack: `
kept.append(msg)
return 1`,
    expect: 1,
  },
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
    name: 'log lines without end',
    attack: "import OpenSIPS\nwhile True: OpenSIPS.LM_ERR('x' * 1000)",
    expect: [TIMEOUT, MEMORY],
  },
]
