/** Runs siplet bench as a process. The rows are too short to be meaningful; only their presence is tested. */
import assert from 'node:assert/strict'
import { type Figures, figuresText } from '../../packages/cli/src/bench/figures.ts'
import { siplet } from '../support/cli.ts'
import { handler, scriptFile } from '../support/engine.ts'

describe('siplet bench', () => {
  it('reports the cost of a call, the latency under load and the start of children, as JSON', async () => {
    const args = ['bench', '-s', 'examples/handler.ts', '--seconds', '0.05', '--children', '2', '--json']
    const { stdout, stderr, exitCode } = await siplet(args)
    assert.equal(exitCode, 0, stderr)
    const [throughput, latency, children] = JSON.parse(stdout) as Figures[]
    assert.deepEqual(
      throughput!.rows.map(({ name }) => name),
      [
        'inline execSync',
        'inline exec, alone',
        'inline exec, 256 at once',
        'thread exec, alone',
        'thread exec, 256 under way',
        'process exec, alone',
        'process exec, 256 under way',
        'thread exec, 2 children, 256 under way',
      ],
    )
    assert.deepEqual(
      latency!.rows.map(({ name }) => name),
      ['10 % of capacity', '50 % of capacity', '80 % of capacity'],
    )
    for (const row of latency!.rows) assert.ok(Number(row['p50 µs']) <= Number(row['p99.9 µs']))
    const memory = children!.rows.find(({ name }) => name === 'thread, each further child')
    assert.ok(Number(memory!['MiB/child']) > 1)
    for (const { title, columns, rows } of [throughput!, latency!, children!]) {
      const numbers = rows.flatMap((row) => Object.keys(columns).map((column) => row[column] ?? 1))
      assert.ok(
        numbers.every((number) => typeof number === 'number' && number >= 0),
        title,
      )
    }
  }).timeout(90_000)

  it('does not measure a method that fails: it prints the reason on stderr and exits with code 2', async () => {
    const script = scriptFile(handler("request_route() { throw new Error('no') }"))
    const { stdout, stderr, exitCode } = await siplet(['bench', '-s', script, '--log-level', 'silent'])
    assert.equal(exitCode, 2)
    assert.equal(stdout, '')
    assert.equal(stderr, 'siplet: ERR_SIPLET_SCRIPT: Error: no\n')
  })

  it('shows figures as a table, with empty cells for missing values', () => {
    const text = figuresText({
      title: 'case',
      columns: { ms: 1, 'a second': 0 },
      rows: [
        { name: 'one', ms: 1.25, 'a second': 12_345 },
        { name: 'two', ms: null, 'a second': 'none' },
      ],
      note: 'Read with care.',
    })
    assert.match(text, /│ one +│ 1\.3 │ +12,345 │/)
    assert.match(text, /│ two +│ +│ +none │/)
    assert.ok(text.endsWith('Read with care.'))
  })
})
