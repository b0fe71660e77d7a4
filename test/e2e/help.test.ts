/** --help and docs/cli.md, which are made from the same definitions. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { MANUAL, manual } from '../../packages/cli/scripts/write-manual.ts'
import { manualOf } from '../../packages/cli/src/manual.ts'
import { createProgram } from '../../packages/cli/src/program.ts'
import { siplet } from '../support/cli.ts'

describe('the manual', () => {
  const program = createProgram(() => {})

  it('is up to date in docs/cli.md, which npm run docs writes', () => {
    assert.equal(readFileSync(MANUAL, 'utf8'), manual())
  })

  for (const command of program.commands) {
    it(`siplet ${command.name()} --help has examples with options that exist`, async () => {
      const { stdout, exitCode } = await siplet([command.name(), '--help'])
      assert.equal(exitCode, 0)
      const { examples } = manualOf(command)!
      assert.ok(stdout.endsWith(`\nExamples:\n${examples.map((line) => `  ${line}\n`).join('')}`), stdout)
      for (const example of examples) {
        const line = /siplet (\S+)([^|>]*)/.exec(example.replaceAll(/'[^']*'/g, 'x'))!
        assert.equal(line[1], command.name())
        for (const [flag] of line[2]!.matchAll(/(?<= )--?[a-z][a-z-]*/g)) {
          assert.ok(
            command.options.some(({ short, long }) => [short, long].includes(flag)),
            `${flag} in ${example}`,
          )
        }
      }
    })
  }

  it('names the nearest command if help is requested for an unknown one', async () => {
    const { stderr, exitCode } = await siplet(['help', 'exce'])
    assert.equal(exitCode, 2)
    assert.match(stderr, /unknown command 'exce'\n\(Did you mean exec\?\)/)
    assert.match((await siplet(['help', 'exec'])).stdout, /^Usage: siplet exec /)
  })

  it('-v prints the version, as other Node tools do', async () => {
    assert.match((await siplet(['-v'])).stdout, /^\d+\.\d+\.\d+\n$/)
  })

  it('names the nearest option if an option is unknown, and explains how to list all options', async () => {
    const { stderr, exitCode } = await siplet(['replay', 'x.pcap', '--script', 'x', '--childrn', '2'])
    assert.equal(exitCode, 2)
    assert.match(stderr, /unknown option '--childrn'\n\(Did you mean --children\?\)\n.*--help/)
  })
})
