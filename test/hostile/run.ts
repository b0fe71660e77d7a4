/**
 * Runs hostile scripts and prints those that are not held.
 *
 *     node test/hostile/run.ts [--isolation thread] [--kind loops] [--name 'part of a name'] [--all]
 *
 * `--all` also prints those that are held.
 */
import { parseArgs } from 'node:util'
import { ISOLATIONS } from '../support/engine.ts'
import { isUnheld } from './containment.ts'
import { CORPUS } from './corpus.ts'
import { begin, runsOf } from './corpus-run.ts'

const { values } = parseArgs({
  options: {
    isolation: { type: 'string' },
    kind: { type: 'string', default: '' },
    language: { type: 'string', default: '' },
    name: { type: 'string', default: '' },
    patience: { type: 'string', default: '60000' },
    all: { type: 'boolean', default: false },
    unheld: { type: 'boolean', default: false },
  },
})
const runs = ISOLATIONS.filter((isolation) => isolation === (values.isolation ?? isolation))
  .flatMap(runsOf)
  .filter(
    (run) =>
      CORPUS[run.kind]!.title.includes(values.kind) &&
      run.name.includes(values.name) &&
      run.language.startsWith(values.language) &&
      (values.unheld || !isUnheld(run)),
  )
let held = 0
await Promise.all(
  [...begin(runs, Number(values.patience))].map(async ([run, result]) => {
    const { held: isHeld, outcome, problem } = await result
    if (isHeld) held++
    if (isHeld && !values.all) return
    const { isolation, language, kind, name } = run
    console.log(
      `${isHeld ? 'held' : 'NOT HELD'}  ${isolation}  ${language}  ${CORPUS[kind]!.title}: ${name}: ${problem ?? outcome}`,
    )
  }),
)
console.log(`${held} of ${runs.length} held`)
