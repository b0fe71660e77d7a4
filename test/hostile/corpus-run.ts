/** Runs the corpus, or a part of it, on several hosts in parallel. */
import type { Attack, Language } from './attack.ts'
import { type Isolation, isLonely, isTimed, type Seen } from './attack-run.ts'
import { CORPUS } from './corpus.ts'
import { Host, type Task } from './hosts.ts'

/** More than the two processors of a small machine, because most runs wait for a limit. */
const HOSTS = 4
/** Number of attacks that share an engine, each with a child of its own. */
const COMPANY = 8
/**
 * A host that gives no answer for this time counts as ended, in milliseconds. Far more than the slowest task needs on a
 * slow machine.
 */
const PATIENCE_MS = 240_000

const LANGUAGES: readonly Language[] = ['JavaScript', 'Python']

/** One script of the corpus in one isolation. */
export interface Run {
  kind: number
  language: Language
  isolation: Isolation
  group: Task['group']
  place: number
  name: string
  /** Why `inline` is not expected to hold it; see Attack. */
  uninterrupted: string | undefined
  alsoInThread: boolean
}

/** Returns all scripts in that isolation, in order. */
export function runsOf(isolation: Isolation): Run[] {
  return CORPUS.flatMap(({ attacks, starts }, kind) =>
    LANGUAGES.flatMap((language) =>
      (['attacks', 'starts'] as const).flatMap((group) =>
        (group === 'attacks' ? attacks[language] : (starts?.[language] ?? [])).map(
          ({ name, uninterrupted, alsoInThread }: Partial<Attack> & { name: string }, place): Run => ({
            kind,
            language,
            isolation,
            group,
            place,
            name,
            uninterrupted,
            alsoInThread: alsoInThread === true,
          }),
        ),
      ),
    ),
  )
}

/** Starts all runs at once. Returns a promise for the result of each. */
export function begin(runs: readonly Run[], patienceMs = PATIENCE_MS): Map<Run, Promise<Seen>> {
  const settle = new Map<Run, (seen: Seen) => void>()
  const results = new Map(
    runs.map((run) => [run, new Promise<Seen>((resolve) => settle.set(run, resolve))] as const),
  )
  const companies = inCompanies(runs)
  const serve = async () => {
    const host = new Host(patienceMs)
    for (let company = companies.shift(); company !== undefined; company = companies.shift()) {
      const { kind, language, isolation, group } = company[0]!
      const places = company.map(({ place }) => place)
      const seen = await host.run({ kind, language, isolation, group, places })
      for (const [index, run] of company.entries()) settle.get(run)!(seen[index]!)
      // The abandoned thread uses up a processor.
      if (isolation === 'thread' && company[0]!.uninterrupted !== undefined) host.close()
    }
    host.close()
  }
  for (let i = 0; i < HOSTS; i++) void serve()
  return results
}

/** Groups runs that can share an engine. They keep their order, except for runs that cannot share one. */
function inCompanies(runs: readonly Run[]): Run[][] {
  const companies: Run[][] = []
  const open = new Map<string, Run[]>()
  for (const run of runs) {
    const { kind, language, isolation, group, place } = run
    const attack = CORPUS[kind]!.attacks[language][place]
    const start = CORPUS[kind]!.starts?.[language][place]
    const alone =
      group === 'attacks'
        ? isLonely(attack!)
        : start!.uninterrupted !== undefined || start!.limits !== undefined
    const key = `${kind} ${language} ${isolation} ${group} ${group === 'attacks' ? `${isTimed(attack!)} ${attack!.functions}` : start!.when}`
    let company = alone ? undefined : open.get(key)
    if (company === undefined) {
      company = []
      companies.push(company)
      if (!alone) open.set(key, company)
    }
    company.push(run)
    if (company.length === COMPANY) open.delete(key)
  }
  return companies
}
