/** The head of the report: results of the replay, charts and errors. */
import type { ReportIndex } from '../format.ts'
import { errorGroups } from './error-groups.ts'
import { LatencyChart } from './latency-chart.tsx'
import type { Report } from './report.ts'
import type { TimeRange } from './search.ts'
import { TimelineChart } from './timeline-chart.tsx'
import { count, dateAndClock, plural, visible } from './words.ts'

/** Number of captures that are named. */
const CAPTURES_SHOWN = 3
/** Number of error groups that are listed. */
const ERRORS_SHOWN = 8

interface OverviewProps {
  report: Report
  onSearch(query: string): void
  onRange(range: TimeRange): void
}

export function Overview({ report, onSearch, onRange }: OverviewProps) {
  const { index } = report
  const empty = index.totals.messages === 0
  return (
    <>
      <header class="title">
        <h1>{visible(index.script)}</h1>
        <p>
          {captureNames(index.captures)}: {plural(index.totals.messages, 'SIP message')}
          {!empty && ` from ${dateAndClock(index.start, report.earliest)} UTC`}, replayed{' '}
          {index.written.slice(0, 16).replace('T', ' ')} UTC
        </p>
      </header>
      <Totals index={index} calls={report.calls.length} onSearch={onSearch} />
      <LeftOut index={index} />
      {!empty && (
        <div class="charts">
          <TimelineChart index={index} onRange={onRange} />
          <LatencyChart index={index} />
        </div>
      )}
      <Errors report={report} onSearch={onSearch} />
    </>
  )
}

function captureNames(captures: readonly string[]): string {
  const more = captures.length - CAPTURES_SHOWN
  return (
    visible(captures.slice(0, CAPTURES_SHOWN).join(', ')) + (more > 0 ? ` and ${plural(more, 'other')}` : '')
  )
}

function Totals({
  index,
  calls,
  onSearch,
}: {
  index: ReportIndex
  calls: number
  onSearch(query: string): void
}) {
  const [yes = 0, no = 0, stop = 0, error = 0, notRun = 0] = index.decisions
  const { requests, replies, edited, dstUri } = index.totals
  const figures: [label: string, value: number, query: string | null, kind: string][] = [
    ['calls', calls, '', ''],
    ['requests', requests, null, ''],
    ['replies', replies, null, ''],
    ['true', yes, null, 'true'],
    ['stop', stop, 'is:stopped', 'stop'],
    ['false', no, 'is:refused', 'false'],
    ['errors', error, 'is:error', 'error'],
    ...(notRun > 0 ? [['not run', notRun, null, 'not-run'] as [string, number, null, string]] : []),
    ['edited', edited, 'is:edited', ''],
    ['next hop set', dstUri, 'is:rerouted', ''],
  ]
  return (
    <ul class="figures">
      {figures.map(([label, value, query, kind]) => {
        const figure = (
          <>
            <b>{count(value)}</b> <span class={kind && `dot ${kind}`}>{label}</span>
          </>
        )
        return (
          <li key={label}>
            {query === null || value === 0 ? (
              <span class="figure">{figure}</span>
            ) : (
              <button type="button" class="figure" title="show these calls" onClick={() => onSearch(query)}>
                {figure}
              </button>
            )}
          </li>
        )
      })}
    </ul>
  )
}

function LeftOut({ index }: { index: ReportIndex }) {
  const { listed, withText, totals } = index
  const notes = [
    ...(listed < totals.messages
      ? [
          `the list below holds the first ${count(listed)} of ${count(totals.messages)} messages; charts and figures count all`,
        ]
      : []),
    ...(withText < listed ? [`the text is kept of the first ${count(withText)} messages`] : []),
    ...index.notes.map(visible),
  ]
  if (notes.length === 0) return null
  return (
    <section class="panel notes" aria-labelledby="notes-title">
      <h2 id="notes-title">Left out</h2>
      <ul>
        {notes.map((note) => (
          <li key={note}>{note}</li>
        ))}
      </ul>
    </section>
  )
}

function Errors({ report, onSearch }: Pick<OverviewProps, 'report' | 'onSearch'>) {
  const groups = errorGroups(report.index.messages.error.map((error) => report.string(error)))
  if (groups.length === 0) return null
  return (
    <section class="panel" aria-labelledby="errors-title">
      <h2 id="errors-title">Errors</h2>
      <table class="errors">
        <thead>
          <tr>
            <th scope="col">messages</th>
            <th scope="col">error</th>
          </tr>
        </thead>
        <tbody>
          {groups.slice(0, ERRORS_SHOWN).map(({ text, texts, messages, query }) => (
            <tr key={query}>
              <td>{count(messages)}</td>
              <td>
                <button type="button" class="link" title="show these calls" onClick={() => onSearch(query)}>
                  {visible(text)}
                </button>
                {texts > 1 && (
                  <span class="hint"> and {plural(texts - 1, 'other text')} from this place</span>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {groups.length > ERRORS_SHOWN && (
        <p class="hint">and {plural(groups.length - ERRORS_SHOWN, 'other')}</p>
      )}
    </section>
  )
}
