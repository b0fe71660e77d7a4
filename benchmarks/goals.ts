/** Goals and results. Every ratio is taken from one run. */
import { type FigureRow, type Figures, figure } from '../packages/cli/src/bench/figures.ts'
import { ROWS } from '../packages/cli/src/bench/throughput.ts'
import { NAMES as EXEC } from './exec.ts'
import { COLUMNS as LONE, NAMES as LONE_NAMES } from './lone.ts'
import { COLUMNS as KAMAILIO } from './peers/kamailio/kamailio.ts'
import { NAMES as REPLAY } from './replay.ts'

const US = 'µs/message'

/** @param results results by benchmark; if a peer is missing, its row says so */
export function goals(results: Record<string, Figures[]>): Figures {
  const first = (name: string) => results[name]![0]!
  const exec = (name: string) => figure(first('exec'), name, US)
  const python = figure(first('kamailio'), 'app_python3', KAMAILIO.net)
  const replay = (name: string) => figure(first('replay'), name, 'messages/s')
  const start = (name: string) => figure(first('children'), name, 'ms/child')
  return {
    title: 'goal',
    columns: { wanted: 0, reached: 2, met: 0 },
    rows: [
      atMost('inline exec alone / Kamailio app_python3 call', 1, exec(ROWS.sync) / python),
      atMost('inline exec among 256 / Kamailio app_python3 call', 1, exec(ROWS.inlineMany) / python),
      atLeast('thread exec, 256 under way, times piscina echo', 5, exec(EXEC.piscinaMany) / exec(ROWS.many)),
      atMost(
        'thread exec alone / piscina round trip',
        1.15,
        figure(first('lone'), LONE_NAMES.exec, LONE.ratio),
      ),
      atLeast('two children, 256 under way, times one', 1.6, exec(ROWS.many) / exec(ROWS.manyChildren(2))),
      atLeast('replay, times tshark', 10, replay(REPLAY.thread) / replay(REPLAY.tshark)),
      atMost('ms to start an inline child, of 4', 10, start('inline, 4 children')),
      atMost('ms to start a thread child, of 4', 10, start('thread, 4 children')),
      ...parsing(results.parse!),
    ],
  }
}

function parsing(tables: readonly Figures[]): FigureRow[] {
  return tables.map((table) => {
    const peers = table.rows.filter(({ name }) => !name.startsWith('siplet'))
    const fastest = Math.min(...peers.map((row) => Number(row[US])))
    const lazily = table.title.endsWith('three values')
    const name = `${table.title}: times the fastest parser of npm`
    return atLeast(name, lazily ? 10 : 3, fastest / figure(table, 'siplet', US))
  })
}

function atMost(name: string, limit: number, reached: number): FigureRow {
  return row(name, `<= ${limit}`, reached, reached <= limit)
}

function atLeast(name: string, limit: number, reached: number): FigureRow {
  return row(name, `>= ${limit}`, reached, reached >= limit)
}

function row(name: string, wanted: string, reached: number, met: boolean): FigureRow {
  if (Number.isNaN(reached)) return { name, wanted, reached: null, met: 'peer not there' }
  return { name, wanted, reached, met: met ? 'yes' : 'no' }
}
