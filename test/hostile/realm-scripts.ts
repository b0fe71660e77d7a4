/**
 * Python scripts that attack our own module and the memory of their interpreter. They are part of the kind
 * `patches intrinsics`.
 */
import type { Attack } from './attack.ts'

const SCRIPT = 'ERR_SIPLET_SCRIPT'

export const PYTHON_REALM_SCRIPTS: readonly Attack[] = [
  {
    name: 'our description of errors replaced',
    attack: "import siplet_child\nsiplet_child._described = lambda e: 1.5\nraise ValueError('x')",
    expect: SCRIPT,
  },
  {
    name: 'builtins that our module uses replaced',
    attack:
      "import builtins\nfor name in ('isinstance', 'type', 'getattr', 'int'):\n    setattr(builtins, name, None)\nreturn 1",
    expect: 1,
  },
  {
    name: 'a property of msg that is none',
    attack:
      "import _siplet\nfor index in (999, -1, 1.5, 'length', None, 1e300, []):\n    _siplet.property(msg._number, index)\nreturn 1",
    expect: 1,
  },
  {
    name: 'a log level that is none',
    attack:
      "import _siplet\nfor level in ('length', 'push', -1, 99, 1.5, None):\n    _siplet.log(level, 'x')\n_siplet.log()\nreturn 1",
    expect: 1,
  },
  {
    name: 'reading beyond the memory of the interpreter',
    attack: 'import uctypes\nreturn len(uctypes.bytes_at(2**31, 16))',
    expect: SCRIPT,
  },
  {
    name: 'writing all over the memory of the interpreter',
    attack:
      'import uctypes\nbytes = uctypes.bytearray_at(0, 30000000)\nfor at in range(0, 30000000, 7):\n    bytes[at] = 255\nreturn 1',
    expect: [SCRIPT, 'ERR_SIPLET_TIMEOUT', 'ERR_SIPLET_MEMORY', 'ERR_SIPLET_STACK'],
  },
]
