/** siplet completion: presses the Tab key in real shells. */
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { siplet } from '../support/cli.ts'
import { inTerminal } from '../support/terminal.ts'

/** The text typed before Tab, and the resulting words of the command line. */
const COMPLETED: [typed: string, ...words: string[]][] = [
  ['rep', 'replay'],
  ['replay --isol', 'replay', '--isolation'],
  ['replay --isolation pro', 'replay', '--isolation', 'process'],
  ['replay cal', 'replay', 'calls.pcapng'],
  ['replay calls.pcapng --script han', 'replay', 'calls.pcapng', '--script', 'handler.ts'],
  ['replay --ndjson sub/dec', 'replay', '--ndjson', 'sub/decisions.ndjson'],
  ['exec --log-level sil', 'exec', '--log-level', 'silent'],
  ['init --language pyt', 'init', '--language', 'python'],
  ['serve --on-script-error rel', 'serve', '--on-script-error', 'relay'],
  ['completion fi', 'completion', 'fish'],
  ['help comp', 'help', 'completion'],
]

/** Nothing must be offered here, not even file names. */
const NOTHING = ['replay --limit cal', 'check cal', 'serve --nonsense']

describe('siplet completion', () => {
  const folder = mkdtempSync(join(tmpdir(), 'siplet-completion-'))
  after(() => rmSync(folder, { recursive: true }))
  mkdirSync(join(folder, 'sub'))
  for (const name of ['calls.pcapng', 'handler.ts', 'proxy.yaml', 'sub/decisions.ndjson']) {
    writeFileSync(join(folder, name), '')
  }

  async function scriptFor(shell: string): Promise<string> {
    const { stdout, stderr, exitCode } = await siplet(['completion', shell])
    assert.equal(exitCode, 0, stderr)
    const path = join(folder, `completion.${shell}`)
    writeFileSync(path, stdout)
    return path
  }

  function has(...programs: string[]): boolean {
    const missing = programs.filter((program) => spawnSync(program, ['--version']).error !== undefined)
    if (missing.length > 0) console.log(`      not installed: ${missing}; this test was NOT run`)
    return missing.length === 0
  }

  /** Presses Tab, then Enter, for each text. A function in place of siplet prints the words that it gets. */
  async function pressed(shell: string, setUp: string, typed: readonly string[]): Promise<string[][]> {
    const shown = await inTerminal(shell, {
      cwd: folder,
      steps: [
        {
          after: /[#$%] /,
          type: `${setUp}; siplet() { printf '[%s]' "$@"; echo ' END'; }; echo SET'' UP\n`,
        },
        { after: /SET UP/, type: `siplet ${typed[0]}\t\n` },
        ...typed.slice(1).map((line) => ({ after: / END\r\n/, type: `siplet ${line}\t\n` })),
        { after: / END\r\n/, type: 'exit\n' },
      ],
    })
    return [...shown.matchAll(/^(\[.*\]) END/gm)].map(([, words]) => words!.slice(1, -1).split(']['))
  }

  const typed = [...COMPLETED.map(([line]) => line), ...NOTHING]
  const expected = [...COMPLETED.map(([, ...words]) => words), ...NOTHING.map((line) => line.split(' '))]

  it('bash completes commands, options, values and files', async function () {
    if (!has('bash', 'script')) return this.skip()
    const script = await scriptFor('bash')
    // Sourced twice, because ~/.bashrc may be sourced twice.
    const found = await pressed('bash --norc -i', `source ${script}; source ${script}`, typed)
    assert.deepEqual(found, expected)
  })

  it('bash completes --option=value', async function () {
    if (!has('bash', 'script')) return this.skip()
    const script = await scriptFor('bash')
    const found = await pressed('bash --norc -i', `source ${script}`, [
      'replay --isolation=inl',
      'replay --out=han',
    ])
    assert.deepEqual(found, [
      ['replay', '--isolation=inline'],
      ['replay', '--out=handler.ts'],
    ])
  })

  it('zsh completes commands, options, values (also after =) and files', async function () {
    if (!has('zsh', 'script')) return this.skip()
    const script = await scriptFor('zsh')
    const setUp = `autoload -Uz compinit; compinit -u -d ${folder}/zcompdump; source ${script}; unsetopt ZLE_BRACKETED_PASTE`
    const found = await pressed('zsh -f -i', setUp, [...typed, 'replay --isolation=inl'])
    assert.deepEqual(found, [...expected, ['replay', '--isolation=inline']])
  })

  it('fish completes commands, options, values and files', async function () {
    if (!has('fish')) return this.skip()
    const script = await scriptFor('fish')
    const offered = (line: string) =>
      execFileSync(
        'fish',
        ['--no-config', '-c', `source ${script}; complete -C ${JSON.stringify(`siplet ${line}`)}`],
        {
          cwd: folder,
          encoding: 'utf8',
          env: { ...process.env, HOME: folder },
        },
      )
        .split('\n')
        .filter((offer) => offer !== '')
        .map((offer) => offer.split('\t')[0])
    for (const [line, ...words] of COMPLETED) assert.deepEqual(offered(line), words.slice(-1), line)
    for (const line of NOTHING) assert.deepEqual(offered(line), [], line)
  })

  it('refuses other shells and names the supported ones', async () => {
    const { stderr, exitCode } = await siplet(['completion', 'tcsh'])
    assert.equal(exitCode, 2)
    assert.match(stderr, /Allowed choices are bash, zsh, fish/)
  })
})
