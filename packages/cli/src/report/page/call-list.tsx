/** The calls as a grid of which only the rows in sight exist, with the search above it. */
import { useEffect, useRef } from 'preact/hooks'
import type { Call, Report } from './report.ts'
import { moved, useRows } from './rows.ts'
import { findCalls, SEARCH_HELP, type TimeRange } from './search.ts'
import { clock, count, duration, plural, visible } from './words.ts'

const ROW_HEIGHT = 34

/** What the list shows; kept while a call is looked at. */
export interface ListState {
  query: string
  range: TimeRange | null
  sort: SortKey
  descending: boolean
  /** Number of the call. */
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

/** The calls a list shows. */
export function listedCalls(report: Report, { query, range, sort, descending }: ListState): readonly Call[] {
  const key = SORTS[sort]
  return [...findCalls(report, query, range)].sort(
    (a, b) => (key(a) - key(b)) * (descending ? -1 : 1) || a.number - b.number,
  )
}

interface CallListProps {
  report: Report
  /** Those that are found, sorted. */
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
    if (state.selected !== null) grid.current!.focus({ preventScroll: true })
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
    if (event.target !== grid.current || calls.length === 0) return
    const to = moved(event.key, selected, calls.length, rows.page)
    if (to !== null) select(to)
    else if (event.key === 'Enter') onOpen(calls[selected]!)
    else if (event.key === 'Escape') onState({ query: '', range: null })
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
        onKeyDown={onGridKey}
      >
        <div class="rows" ref={rows.ref} role="presentation">
          <div role="rowgroup">
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
          {calls.length === 0 && <p class="hint none">No call matches. Escape shows all again.</p>}
        </div>
      </div>
    </section>
  )
}

interface CallRowProps {
  call: Call
  report: Report
  row: number
  top: number
  selected: boolean
  onOpen(call: Call): void
}

function CallRow({ call, report, row, top, selected, onOpen }: CallRowProps) {
  const { callId, from, to, state, messages, start, slowest } = call
  return (
    // The grid takes the keys: its active descendant is the selected row.
    <div
      id={rowId(call)}
      class="row"
      role="row"
      tabIndex={-1}
      aria-rowindex={row + 2}
      aria-selected={selected}
      style={{ transform: `translateY(${top}px)` }}
      onClick={() => onOpen(call)}
    >
      <span role="gridcell" class="number">
        {clock(report.index.start, start).slice(0, 12)}
      </span>
      <span role="gridcell">
        <b>{visible(state.method)}</b>
      </span>
      <Text text={from} />
      <Text text={to} />
      <Text text={callId ?? '(no Call-ID)'} wide />
      <span role="gridcell" class={`state ${state.outcome}`}>
        {visible(state.words)}
      </span>
      <span role="gridcell" class="number">
        {count(messages.length)}
      </span>
      <span role="gridcell" class="number wide">
        {duration(call.duration)}
      </span>
      <span role="gridcell" class="number wide">
        {slowest > 0 ? duration(slowest) : ''}
      </span>
      <span role="gridcell">
        <Decided call={call} />
      </span>
    </div>
  )
}

/** What the script did to a call, the gravest first. */
function Decided({ call: { decisions, edited, rerouted } }: { call: Call }) {
  const did = [
    ['error', decisions.error],
    ['false', decisions.false],
    ['stop', decisions.stop],
    ['edited', edited],
    ['next hop', rerouted],
  ] as const
  return (
    <>
      {did
        .filter(([, times]) => times > 0)
        .map(([what, times]) => (
          <span key={what} class={`tag ${what.replace(' ', '-')}`}>
            {what}
            {times > 1 && ` ${count(times)}`}
          </span>
        ))}
    </>
  )
}

function Text({ text, wide }: { text: string | null; wide?: boolean }) {
  const shown = visible(text ?? '')
  return (
    <span role="gridcell" class={wide ? 'wide' : ''} title={shown}>
      <bdi>{shown}</bdi>
    </span>
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

function rowId({ number }: Call): string {
  return `call-${number}`
}
