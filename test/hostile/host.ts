/** The attacked host: a process that runs tasks of its parent, so that only this process dies. See hosts.ts. */
import { isTimed, runAttacks, type Seen } from './attack-run.ts'
import { CORPUS } from './corpus.ts'
import type { Answer, Task } from './hosts.ts'
import { runStarts } from './start-run.ts'

const SLOW_MACHINE = 10

process.on('message', async (task: Task) => {
  const { kind, language, isolation, group } = task
  const tell = (answer: Answer) => process.send!(answer)
  try {
    tell({ seen: group === 'attacks' ? await attacks() : await starts() })
  } catch (error) {
    const problem = `the harness failed: ${error instanceof Error ? error.stack : error}`
    tell({ seen: task.places.map(() => ({ held: false, outcome: 'unknown', problem })) })
  }

  /** Attacks that are not held in company are tried alone, then with limits for a slow machine. */
  async function attacks(): Promise<Seen[]> {
    const all = task.places.map((place) => CORPUS[kind]!.attacks[language][place]!)
    const seen = await runAttacks(all, language, isolation, 1)
    for (const [index, attack] of all.entries()) {
      if (seen[index]?.held) continue
      if (all.length > 1) seen[index] = (await runAttacks([attack], language, isolation, 1))[0]!
      if (!seen[index]!.held && isTimed(attack))
        seen[index] = (await runAttacks([attack], language, isolation, SLOW_MACHINE))[0]!
    }
    return seen
  }

  async function starts(): Promise<Seen[]> {
    const all = task.places.map((place) => CORPUS[kind]!.starts![language][place]!)
    const suspect = (index: number) => tell({ suspect: index })
    const seen = await runStarts(all, language, isolation, 1, suspect)
    for (const [index, attack] of all.entries()) {
      if (seen[index]!.held) continue
      suspect(index)
      seen[index] = (await runStarts([attack], language, isolation, SLOW_MACHINE, () => {}))[0]!
    }
    return seen
  }
})
