/** Hostile scripts: each gets its error, other messages are answered correctly, and the host survives. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { ISOLATIONS } from '../support/engine.ts'
import type { Seen } from './attack-run.ts'
import { cellsOf, isUnheld, listOfScripts, SCRIPTS, tableInReadme, tableOf } from './containment.ts'
import { CORPUS } from './corpus.ts'
import { begin, type Run, runsOf } from './corpus-run.ts'
import { OPEN } from './open.ts'

const RUNS = ISOLATIONS.flatMap(runsOf).filter((run) => !isUnheld(run))

describe('hostile scripts', function () {
  // The hosts limit the time of a run; see PATIENCE_MS of corpus-run.ts.
  this.timeout(0)
  let results: ReadonlyMap<Run, Promise<Seen>>
  const held = new Map<Run, boolean>()

  before(() => {
    results = begin(RUNS)
  })

  for (const isolation of ISOLATIONS) {
    for (const [kind, { title }] of CORPUS.entries()) {
      it(`${isolation}: a script that ${title}`, async () => {
        const problems: string[] = []
        for (const run of RUNS.filter((one) => one.isolation === isolation && one.kind === kind)) {
          const seen = await results.get(run)!
          held.set(run, seen.held)
          const problem = `${run.language}: ${run.name}: ${seen.problem}`
          if (seen.held) continue
          if (run.name in OPEN) console.log(`    still gets through: ${problem} (${OPEN[run.name]})`)
          else problems.push(problem)
        }
        assert.deepEqual(problems, [])
      })
    }
  }

  it('are at least 250, with different names', () => {
    const runs = runsOf('process')
    assert.ok(runs.length >= 250)
    const names = runs.map(({ kind, language, name }) => `${kind} ${language} ${name}`)
    assert.equal(new Set(names).size, names.length)
    const python = runs.filter(({ language }) => language === 'Python').length
    console.log(`    ${runs.length - python} hostile scripts in JavaScript, ${python} in Python`)
  })

  it('the table in the README matches this run (npm run containment)', () => {
    assert.deepEqual(cellsOf(tableInReadme()), cellsOf(tableOf(held)))
  })

  it('docs/hostile-scripts.md lists them (npm run containment)', () => {
    assert.deepEqual(cellsOf(readFileSync(SCRIPTS, 'utf8')), cellsOf(listOfScripts()))
  })
})
