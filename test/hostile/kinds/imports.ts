/** Scripts that import what they must not import. All of this is refused when the script is loaded. */
import type { Kind, StartAttack } from '../attack.ts'

const IMPORT = 'ERR_SIPLET_SCRIPT_IMPORT'
const SYNTAX = 'ERR_SIPLET_SCRIPT_SYNTAX'
const LOAD = 'ERR_SIPLET_SCRIPT_LOAD'
/** Refused as an import, or because it does not parse. */
const REFUSED = [IMPORT, SYNTAX, LOAD] as const

const REST = '\nexport function mod_init() { return { child_init: () => 0, probe: () => 1 } }'

function javascript(name: string, source: string, more: Partial<StartAttack> = {}): StartAttack {
  return { name, source: source + REST, when: 'start', expect: REFUSED, ...more }
}

const PYTHON_REST = `
class Hostile:
    def child_init(self, rank): return 0
    def probe(self, msg): return 1
def mod_init(): return Hostile()
`

function python(name: string, source: string, more: Partial<StartAttack> = {}): StartAttack {
  return { name, source: source + PYTHON_REST, when: 'start', expect: REFUSED, ...more }
}

export const IMPORTS: Kind = {
  title: 'imports files of the host',
  attacks: { JavaScript: [], Python: [] },
  starts: {
    JavaScript: [
      javascript(
        'the environment of the host, as text',
        "import env from '/proc/self/environ' with { type: 'text' }\nthrow new Error(env)",
      ),
      javascript(
        'the environment of the host, as bytes',
        "import env from '/proc/self/environ' with { type: 'bytes' }\nthrow new Error(String(env))",
      ),
      javascript(
        '/etc/passwd as text',
        "import text from '/etc/passwd' with { type: 'text' }\nthrow new Error(text)",
      ),
      javascript(
        '/etc/passwd as JSON',
        "import text from '/etc/passwd' with { type: 'json' }\nthrow new Error(text)",
      ),
      javascript(
        '/etc/passwd by a relative path',
        "import text from '../../../../../../etc/passwd' with { type: 'text' }\nthrow new Error(text)",
      ),
      javascript(
        '/etc/passwd by a URL',
        "import text from 'file:///etc/passwd' with { type: 'text' }\nthrow new Error(text)",
      ),
      javascript(
        '/etc/passwd with a query',
        "import text from '/etc/passwd?x' with { type: 'text' }\nthrow new Error(text)",
      ),
      javascript(
        'a JSON file of another folder',
        "import json from '/work/package.json'\nthrow new Error(JSON.stringify(json))",
      ),
      javascript('a folder', "import x from '/etc'\nthrow new Error(x)"),
      javascript('a device', "import x from '/dev/zero' with { type: 'text' }\nthrow new Error(x)"),
      javascript('a module of Node', "import fs from 'node:fs'\nthrow new Error(typeof fs)"),
      javascript(
        'a module of Node without a prefix',
        "import { readFileSync } from 'fs'\nthrow new Error(typeof readFileSync)",
      ),
      javascript('a module of Node by require', "const fs = require('node:fs')\nthrow new Error(typeof fs)"),
      javascript(
        'a module of Node by a name that is made',
        "const fs = require(['node', 'fs'].join(':'))\nthrow new Error(typeof fs)",
      ),
      javascript(
        'files by a pattern of require',
        "const n = 'passwd'; throw new Error(require('../' + n + '.json'))",
      ),
      javascript(
        'files by a pattern of import()',
        "const n = 'passwd'; import('../../../etc/' + n + '.json'); throw new Error('x')",
      ),
      javascript('isolated-vm', "import ivm from 'isolated-vm'\nthrow new Error(typeof ivm)"),
      javascript(
        'the engine itself',
        "import { createEngine } from '@siplet/engine'\nthrow new Error(typeof createEngine)",
      ),
      javascript('native code', "import x from './x.node'\nthrow new Error(typeof x)", {
        files: { 'x.node': 'x' },
      }),
      javascript('WebAssembly', "import x from './x.wasm'\nthrow new Error(typeof x)", {
        files: { 'x.wasm': '\0asm' },
      }),
      javascript('paths of tsconfig.json', "import text from 'evil'\nthrow new Error(text)", {
        files: {
          'tsconfig.json': '{ "compilerOptions": { "baseUrl": "/", "paths": { "evil": ["/etc/passwd"] } } }',
        },
      }),
      javascript('a tsconfig.json that extends a file of the host', "import './a.ts'\nthrow new Error('x')", {
        files: { 'tsconfig.json': '{ "extends": "/etc/passwd" }', 'a.ts': 'export {}' },
      }),
      javascript('the imports of package.json', "import text from '#evil'\nthrow new Error(text)", {
        files: { 'package.json': '{ "imports": { "#evil": "../../../../etc/passwd" } }' },
      }),
      javascript('the exports of a package', "import text from 'evil'\nthrow new Error(text)", {
        files: {
          'node_modules/evil/package.json': '{ "name": "evil", "main": "../../../../../../etc/passwd" }',
        },
      }),
      javascript('the browser field of a package', "import text from 'evil'\nthrow new Error(text)", {
        files: {
          'node_modules/evil/package.json':
            '{ "name": "evil", "main": "a.js", "browser": { "./a.js": "../../../../../../etc/passwd" } }',
          'node_modules/evil/a.js': 'module.exports = 1',
        },
      }),
      javascript(
        'a data: URL that imports a file',
        'import \'data:text/javascript,import x from "/etc/passwd"; throw x\'',
      ),
      javascript('an https: URL', "import x from 'https://example.net/x.js'\nthrow new Error(x)"),
      javascript('a package that is not there', "import x from 'siplet-no-such-package'\nthrow new Error(x)"),
      javascript('a name with NUL', "import x from './a\\0b.js'\nthrow new Error(x)"),
      javascript(
        'a name with escapes of a terminal',
        "import x from '\\u001b[2J\\u009bevil'\nthrow new Error(x)",
      ),
      javascript('new URL of a file', "throw new Error(String(new URL('/etc/passwd', import.meta.url)))"),
      javascript('a source map of the host', 'throw new Error("x")\n//# sourceMappingURL=/etc/passwd'),
      javascript('a cycle of imports', "import './hostile.js'", { expect: [...REFUSED, 1] }),
    ],
    Python: [
      python('a file of the host by dots', 'from ...........tmp.secret import X'),
      python('a module above the script', 'from .. import secret'),
      python('a module by a path', "__import__('/etc/passwd')"),
      python('a module by a path with dots', "__import__('../../../etc/passwd')"),
      python('a module of the host by sys.path', "import sys\nsys.path.insert(0, '/etc')\nimport passwd"),
      python('os.environ', 'import os\nraise ValueError(str(os.environ))'),
      python('open at the top level', "raise ValueError(open('/proc/self/environ').read())"),
      python('a file by importlib', "import importlib\nimportlib.import_module('os').system('x')"),
      python('exec of a file', "exec(open('/etc/passwd').read())"),
      python('a module whose name has NUL', "__import__('a\\0b')"),
      python('the js module', 'import js\njs.process.exit(1)'),
      python('a module of the standard library that spawns', 'import subprocess'),
    ],
  },
}
