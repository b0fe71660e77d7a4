import { access, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createTestMessage } from '@siplet/engine/testing'
import { Command, Option } from 'commander'
import { CLIError } from '../errors.ts'
import { withManual } from '../manual.ts'
import { say } from '../output/talk.ts'

const TEMPLATES = fileURLToPath(new URL('../../templates/', import.meta.url))
const { version } = createRequire(import.meta.url)('../../package.json')

const ENGINE = import.meta.resolve('@siplet/engine')
/** Type stubs of the engine, for Python scripts in editors. */
const STUBS = ['OpenSIPS.pyi', 'siplet.pyi']

/** The packages that a project needs, and the version ranges given to npm. */
const PACKAGES = ['@siplet/cli', '@siplet/engine']

/** The package that brings Node. Scripts of npm find it first, whatever Node the machine has. */
const NODE = { node: '26.10.0' }

/** Packages with install scripts. npm asks before it runs install scripts that are not allowed. */
const ALLOWED = { node: true, esbuild: true, 'isolated-vm': true }

/** Packages that type-check a TypeScript project. */
const TYPE_CHECK = { '@types/node': '^26.0.0', typescript: '^7.0.0' }

const SCRIPTS = { typescript: 'handler.ts', javascript: 'handler.js', python: 'handler.py' } as const
type Language = keyof typeof SCRIPTS
const TEST = 'handler.test.ts'

export function initCommand(): Command {
  return withManual(new Command('init'), {
    details: [
      'The tests run with the Node of the npm package `node`. npm scripts prefer it to the Node of the machine.',
    ],
    examples: ['siplet init routing', 'siplet init routing --language python'],
    sections: {
      Files: [
        ['handler.ts, .js or .py', 'the script, by --language'],
        ['handler.test.ts or .js', 'its test, for npm test'],
        ['invite.sip', 'a sample message'],
        ['package.json', 'packages and commands: npm test, npm run check, exec, watch, typecheck'],
        ['tsconfig.json', 'TypeScript: settings of the type checker'],
        [[...STUBS, 'pyrightconfig.json'].join(', '), 'Python: type information for editors'],
      ],
    },
  })
    .description('Create a script with a sample message and a test. Overwrites nothing.')
    .argument('[dir]', 'the folder; created if it does not exist', '.')
    .addOption(
      new Option('-l, --language <language>', 'language of the script')
        .choices(Object.keys(SCRIPTS))
        .default('typescript'),
    )
    .action(async (dir: string, { language }: { language: Language }) => {
      const files = await projectFiles(resolve(dir), language)
      await writeNew(dir, files)
      const checkout = await linkCheckout(resolve(dir), language)
      const next = [...enter(dir), ...(checkout === undefined ? ['npm install'] : []), 'npm test']
      say(`${dir}: ${Object.keys(files).join(', ')}`)
      if (checkout !== undefined)
        say(`${PACKAGES.join(' and ')} are linked from ${checkout}: nothing to install`)
      say(`next: ${next.join(' && ')}`)
    })
}

/** Returns the shell command that enters the folder; none for the current folder. */
function enter(dir: string): string[] {
  if (relative('', dir) === '') return []
  const quoted = /^[\w./~+,:@%-]+$/.test(dir) ? dir : `'${dir.replaceAll("'", "'\\''")}'`
  return [`cd ${dir.startsWith('-') ? '-- ' : ''}${quoted}`]
}

/** Returns the files of the project: contents by file name. */
async function projectFiles(folder: string, language: Language): Promise<Record<string, string | Buffer>> {
  const script = SCRIPTS[language]
  const files: Record<string, string | Buffer> = {}
  for (const name of (await readdir(join(TEMPLATES, language))).sort()) {
    files[name] = await readFile(join(TEMPLATES, language, name))
  }
  // All languages share this file: it has no types of its own.
  const test = await readFile(join(TEMPLATES, TEST), 'utf8')
  files[language === 'typescript' ? TEST : 'handler.test.js'] = test.replace(SCRIPTS.typescript, script)
  if (language === 'python')
    for (const name of STUBS) files[name] = await readFile(new URL(`../${name}`, ENGINE))
  files['invite.sip'] = createTestMessage({ uri: 'sip:00493012345678@example.com' })
  files['package.json'] = `${JSON.stringify(
    {
      name:
        basename(folder)
          .toLowerCase()
          .replace(/[^a-z0-9-]+/g, '-')
          .replace(/^-+|-+$/g, '') || 'routing',
      private: true,
      type: 'module',
      scripts: {
        test: 'node --test',
        check: `siplet check --script ${script}`,
        exec: `siplet exec invite.sip --script ${script}`,
        watch: `siplet exec invite.sip --script ${script} --watch`,
        ...(language === 'typescript' && { typecheck: 'tsc --noEmit' }),
      },
      devDependencies: {
        ...NODE,
        ...Object.fromEntries(PACKAGES.map((name) => [name, `^${version}`])),
        ...(language === 'typescript' && TYPE_CHECK),
      },
      allowScripts: ALLOWED,
    },
    null,
    2,
  )}\n`
  return files
}

async function writeNew(dir: string, files: Record<string, string | Buffer>): Promise<void> {
  const present: string[] = []
  for (const name of Object.keys(files)) {
    await access(join(dir, name)).then(
      () => present.push(name),
      () => {},
    )
  }
  if (present.length > 0) {
    throw new CLIError(
      'ERR_SIPLET_EXISTS',
      `${dir} has ${present.join(', ')} already, and files are never overwritten; choose another folder, or move ${present.length === 1 ? 'it' : 'them'} away`,
    )
  }
  try {
    await mkdir(dir, { recursive: true })
    for (const [name, content] of Object.entries(files)) {
      await writeFile(join(dir, name), content, { flag: 'wx' })
    }
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    const reason =
      code === 'EEXIST' ? 'it is a file' : code === 'ENOTDIR' ? 'a part of its path is a file' : message
    throw new CLIError('ERR_SIPLET_OUTPUT', `${dir} cannot be written to: ${reason}`, { cause })
  }
}

/**
 * If siplet runs from its sources, npm may not have its packages in this version. Then the project gets links to the
 * sources, and works without an install.
 *
 * @returns root of the checkout; undefined if siplet was installed
 */
async function linkCheckout(folder: string, language: Language): Promise<string | undefined> {
  if (!import.meta.url.endsWith('.ts')) return undefined
  const cli = fileURLToPath(new URL('../../', import.meta.url))
  const engine = fileURLToPath(new URL('../', ENGINE))
  const checkout = resolve(cli, '../..')
  const modules = join(folder, 'node_modules')
  const links: [name: string, target: string][] = [
    ['@siplet/cli', cli],
    ['@siplet/engine', engine],
    ['.bin/siplet', join(cli, 'bin/siplet.js')],
    ['.bin/node', process.execPath],
  ]
  if (language === 'typescript') {
    const installed = join(checkout, 'node_modules')
    for (const name of Object.keys(TYPE_CHECK)) links.push([name, join(installed, name)])
    links.push(['.bin/tsc', join(installed, 'typescript/bin/tsc')])
  }
  for (const [name, target] of links) {
    const path = join(modules, name)
    await mkdir(dirname(path), { recursive: true })
    await symlink(target, path).catch((error) => {
      if (error.code !== 'EEXIST') throw error
    })
  }
  return checkout
}
