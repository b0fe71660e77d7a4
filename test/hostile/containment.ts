/**
 * The results of the corpus by isolation, as text for README.md and docs. `npm run containment` runs all scripts,
 * including those that are not expected to be held, and writes the texts. The test suite compares them with its own
 * results.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { ISOLATIONS } from '../support/engine.ts'
import type { Attack } from './attack.ts'
import type { Seen } from './attack-run.ts'
import { CORPUS } from './corpus.ts'
import { begin, type Run, runsOf } from './corpus-run.ts'

const ROOT = new URL('../../', import.meta.url)
export const README = new URL('README.md', ROOT)
const DETAILS = new URL('docs/containment.md', ROOT)
export const SCRIPTS = new URL('docs/hostile-scripts.md', ROOT)

/** If a host is given a script that it cannot hold, and does not answer for this time, it counts as hanging. */
const PATIENCE_MS = 20_000

const TABLE = 'hostile scripts by kind'
const UNHELD = 'scripts that inline does not hold'

/** Returns the table of the README: kinds as rows, isolations as columns. */
export function tableOf(seen: ReadonlyMap<Run, boolean>): string {
  const row = (title: string, ofRow: (run: Run) => boolean) => {
    const cells = ISOLATIONS.map((isolation) => {
      const runs = [...seen].filter(([run]) => run.isolation === isolation && ofRow(run))
      const held = runs.filter(([, isHeld]) => isHeld).length
      const unheld = runsOf(isolation).filter((run) => ofRow(run) && isUnheld(run)).length
      const notHeld = runs.length - held
      return `${held} held${notHeld > 0 ? `, ${notHeld} not` : ''}${unheld > 0 ? `; host dies or waits (${unheld})` : ''}`
    })
    return `| ${[title, ...cells].join(' | ')} |`
  }
  return [
    `| the script | ${ISOLATIONS.map((name) => `\`${name}\``).join(' | ')} |`,
    `| --- | --- | --- | --- |`,
    ...CORPUS.map(({ title }, kind) => row(title, (run) => run.kind === kind)),
    row('all', () => true),
  ].join('\n')
}

/** Returns whether the isolation is not expected to hold the script. */
export function isUnheld({ uninterrupted, alsoInThread, isolation }: Run): boolean {
  return uninterrupted !== undefined && (isolation === 'inline' || (isolation === 'thread' && alsoInThread))
}

/** Returns every script with its expected results. */
export function listOfScripts(): string {
  const cell = (text: string) => text.replace(/[|_*]/g, '\\$&').replaceAll('\n', ' ')
  const sections = CORPUS.map(({ title, attacks, starts }) => {
    const rows = (['JavaScript', 'Python'] as const).flatMap((language) =>
      [...attacks[language], ...(starts?.[language] ?? [])].map((attack) => {
        const outcomes = [attack.expect].flat().join(', ').replaceAll('ERR_SIPLET_', '')
        return `| ${language} | ${cell(attack.name)} | ${outcomes}${whereNot(attack)} |`
      }),
    )
    return `## The script ${title}\n\n| language | script | expected result |\n| --- | --- | --- |\n${rows.join('\n')}`
  })
  return `# Hostile scripts

<!-- Written by \`npm run containment\` from test/hostile/kinds: change those. -->

Every test run executes each of these scripts in every isolation. The result must be one of those in the last column: an error
code without \`ERR_SIPLET_\`, or the integer that the method returned. Before and after the script, in the same batch and later,
the child must answer other messages correctly. So must another child, and the host must stay alive and below a gibibyte of memory.

${sections.join('\n\n')}
`
}

function whereNot({ uninterrupted, alsoInThread }: Partial<Attack>): string {
  if (uninterrupted === undefined) return ''
  return `; not in \`inline\`${alsoInThread ? ' and `thread`' : ''}`
}

/** Returns the text between the two markers of that name. */
export function marked(text: string, name: string): string {
  const [begin, end] = markers(name)
  return text.slice(text.indexOf(begin) + begin.length, text.indexOf(end)).trim()
}

function replaceMarked(file: URL, name: string, content: string): void {
  const text = readFileSync(file, 'utf8')
  const [begin, end] = markers(name)
  if (!text.includes(begin) || !text.includes(end))
    throw new Error(`${file.pathname} has no markers "${name}"`)
  const before = text.slice(0, text.indexOf(begin) + begin.length)
  writeFileSync(file, `${before}\n\n${content}\n\n${text.slice(text.indexOf(end))}`)
}

function markers(name: string): [begin: string, end: string] {
  return [`<!-- ${name}: written by npm run containment -->`, `<!-- end: ${name} -->`]
}

/** Returns the current table of the README. */
export function tableInReadme(): string {
  return marked(readFileSync(README, 'utf8'), TABLE)
}

/** Returns the cells of a table without padding, because the formatter aligns tables. */
export function cellsOf(table: string): string[][] {
  return table
    .split('\n')
    .map((line) => line.split(/(?<!\\)\|/).map((cell) => cell.trim().replace(/^-+$/, '-')))
}

async function main(): Promise<void> {
  const all = ISOLATIONS.flatMap(runsOf)
  const results = new Map<Run, Seen>()
  for (const [run, seen] of begin(
    all.filter((run) => !isUnheld(run)),
    3 * PATIENCE_MS,
  ))
    results.set(run, await seen)
  const unheld = new Map<Run, Seen>()
  for (const [run, seen] of begin(all.filter(isUnheld), PATIENCE_MS)) unheld.set(run, await seen)
  for (const [run, { problem }] of results)
    if (problem !== null) console.log(`${run.isolation}, ${run.language}, ${run.name}: ${problem}`)
  const held = new Map([...results].map(([run, seen]) => [run, seen.held] as const))
  replaceMarked(README, TABLE, tableOf(held))
  replaceMarked(DETAILS, UNHELD, tableOfUnheld(unheld))
  writeFileSync(SCRIPTS, listOfScripts())
  console.log(`${[...held.values()].filter(Boolean).length} of ${held.size} held`)
}

/** Returns the table of hosts that were given scripts they cannot hold. */
function tableOfUnheld(unheld: ReadonlyMap<Run, Seen>): string {
  const rows = [...unheld].map(([{ isolation, language, name, uninterrupted }, { held, outcome }]) => {
    const seen = held ? `held this time: ${outcome}` : outcome
    return `| \`${isolation}\` | ${language}, ${name} | ${seen} | ${uninterrupted} |`
  })
  return ['| in | script | seen | why |', '| --- | --- | --- | --- |', ...rows].join('\n')
}

if (import.meta.main) await main()
