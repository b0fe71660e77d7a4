/** The calls as a grid, with a search above it. Only the visible rows exist in the document. */
import { useEffect, useRef } from 'preact/hooks'
import { CallRow, rowId } from './call-row.tsx'
import type { Call, Report } from './report.ts'
import { moved, useRows } from './rows.ts'
import { findCalls, SEARCH_HELP, type TimeRange } from './search.ts'
import { clock, count, plural } from './words.ts'

const ROW_HEIGHT = 34

/** The state of the list. It is kept while a call is shown. */
export interface ListState {
  query: string
  range: TimeRange | null
  sort: SortKey
  descending: boolean
  /** Number of the selected call. */
  selected: number | null
}

const SORTS = {
  start: (call: Call) => call.start,
  messages: (call: Call) => call.messages.length,
  duration: (call: Call) => call.duration,
  slowest: (call: Call) => call.slowest,
}
type SortKey = keyof typeof SORTS

export const FIRST_LIST: ListState = {
  query: '',
  range: null,
  sort: 'start',
  descending: false,
  selected: null,
}

/** Returns the calls that the list shows. */
export function listedCalls(report: Report, { query, range, sort, descending }: ListState): readonly Call[] {
  const key = SORTS[sort]
  return [...findCalls(report, query, range)].sort(
    (a, b) => (key(a) - key(b)) * (descending ? -1 : 1) || a.number - b.number,
  )
}

interface CallListProps {
  report: Report
  /** The calls found by the search, sorted. */
  calls: readonly Call[]
  state: ListState
  onState(change: Partial<ListState>): void
  onOpen(call: Call): void
}

export function CallList({ report, calls, state, onState, onOpen }: CallListProps) {
  const { query, range } = state
  const rows = useRows(calls.length, ROW_HEIGHT, ROW_HEIGHT)
  const grid = useRef<HTMLDivElement>(null)
  const search = useRef<HTMLInputElement>(null)
  const selected = Math.max(
    0,
    calls.findIndex(({ number }) => number === state.selected),
  )

  useEffect(() => {
    if (calls.length > 0) rows.show(selected)
    if (state.selected !== null) grid.current!.focus()
  }, [])
  useEffect(() => {
    const slash = (event: KeyboardEvent) => {
      if (event.key !== '/' || event.target === search.current) return
      event.preventDefault()
      search.current!.focus()
      search.current!.select()
    }
    addEventListener('keydown', slash)
    return () => removeEventListener('keydown', slash)
  }, [])

  const select = (row: number) => {
    onState({ selected: calls[row]!.number })
    rows.show(row)
  }
  const onGridKey = (event: KeyboardEvent) => {
    if (event.target !== grid.current) return
    const to = moved(event.key, selected, calls.length, rows.page)
    if (event.key === 'Escape') onState({ query: '', range: null })
    else if (calls.length === 0) return
    else if (to !== null) select(to)
    else if (event.key === 'Enter') onOpen(calls[selected]!)
    else return
    event.preventDefault()
  }
  const onSearchKey = (event: KeyboardEvent) => {
    if (event.key === 'Escape') onState({ query: '', range: null })
    else if (event.key !== 'Enter' && event.key !== 'ArrowDown') return
    event.preventDefault()
    grid.current!.focus()
  }

  return (
    <section class="panel calls" aria-labelledby="calls-title">
      <div class="search">
        <h2 id="calls-title">Calls</h2>
        <input
          ref={search}
          type="search"
          aria-label="Search calls"
          aria-describedby="search-help"
          placeholder="Search: alice, status:486, is:error   ( / )"
          title={SEARCH_HELP}
          spellcheck={false}
          value={query}
          onInput={(event) => onState({ query: event.currentTarget.value })}
          onKeyDown={onSearchKey}
        />
        {range !== null && (
          <button type="button" class="chip" onClick={() => onState({ range: null })}>
            {clock(report.index.start, range.from).slice(0, 12)} –{' '}
            {clock(report.index.start, range.to).slice(0, 12)} <span aria-hidden="true">✕</span>
            <span class="unseen">show all times</span>
          </button>
        )}
        <output aria-live="polite">
          {calls.length === report.calls.length
            ? plural(calls.length, 'call')
            : `${count(calls.length)} of ${plural(report.calls.length, 'call')}`}
        </output>
        <p id="search-help" class="unseen">
          {SEARCH_HELP}
        </p>
      </div>
      <div
        ref={grid}
        class="grid"
        role="grid"
        tabIndex={0}
        aria-label="Calls, one a row"
        aria-rowcount={calls.length + 1}
        aria-activedescendant={calls.length > 0 ? rowId(calls[selected]!) : undefined}
        onFocus={() => grid.current!.scrollIntoView({ block: 'nearest' })}
        onKeyDown={onGridKey}
      >
        <div
          class="rows"
          ref={rows.ref}
          role="presentation"
          style={{ height: `${rows.height + ROW_HEIGHT + 1}px` }}
        >
          <div class="heads" role="rowgroup">
            <div class="row head" role="row" aria-rowindex={1}>
              <Sortable name="start" label="Start (UTC)" {...{ state, onState }} />
              <span role="columnheader">Request</span>
              <span role="columnheader">From</span>
              <span role="columnheader">To</span>
              <span role="columnheader" class="wide">
                Call-ID
              </span>
              <span role="columnheader">State</span>
              <Sortable name="messages" label="Msgs" number {...{ state, onState }} />
              <Sortable name="duration" label="Duration" number wide {...{ state, onState }} />
              <Sortable name="slowest" label="Slowest" number wide {...{ state, onState }} />
              <span role="columnheader">The script</span>
            </div>
          </div>
          <div class="all" style={{ height: `${rows.height}px` }} role="rowgroup">
            {rows.inSight.map(({ index, top }) => (
              <CallRow
                key={calls[index]!.number}
                call={calls[index]!}
                report={report}
                row={index}
                top={top}
                selected={index === selected}
                onOpen={onOpen}
              />
            ))}
          </div>
          {calls.length === 0 && (
            <p class="hint none">
              {report.calls.length === 0
                ? 'No SIP message was replayed.'
                : 'No call matches. Escape shows all again.'}
            </p>
          )}
        </div>
      </div>
    </section>
  )
}

interface SortableProps extends Pick<CallListProps, 'state' | 'onState'> {
  name: SortKey
  label: string
  number?: boolean
  wide?: boolean
}

function Sortable({ name, label, number, wide, state, onState }: SortableProps) {
  const current = state.sort === name
  return (
    <span
      role="columnheader"
      class={`${number ? 'number' : ''} ${wide ? 'wide' : ''}`}
      aria-sort={current ? (state.descending ? 'descending' : 'ascending') : 'none'}
    >
      <button
        type="button"
        onClick={() => onState({ sort: name, descending: current ? !state.descending : name !== 'start' })}
      >
        {label}
        <span aria-hidden="true">{current ? (state.descending ? ' ↓' : ' ↑') : ''}</span>
      </button>
    </span>
  )
}
