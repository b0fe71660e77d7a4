/** A call as a row of the list. */
import type { Call, Report } from './report.ts'
import { clock, count, duration, visible } from './words.ts'

interface CallRowProps {
  call: Call
  report: Report
  row: number
  top: number
  selected: boolean
  onOpen(call: Call): void
}

export function CallRow({ call, report, row, top, selected, onOpen }: CallRowProps) {
  const { callId, from, to, state, messages, start, slowest } = call
  return (
    // The grid handles the keys. Its active descendant is the selected row.
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
      <Text text={from} short={withoutScheme(from)} />
      <Text text={to} short={withoutScheme(to)} />
      <Text text={callId ?? '(no Call-ID)'} wide />
      <span role="gridcell" class={`state ${state.outcome}`}>
        {visible(state.words)}
      </span>
      <span role="gridcell" class="number">
        {count(messages.length)}
      </span>
      <span role="gridcell" class="number wide">
        {call.duration > 0 ? duration(call.duration) : ''}
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

/** Shows what the script did to a call, most important first. */
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

interface TextProps {
  text: string | null
  /** A shorter text for the column. */
  short?: string | null
  wide?: boolean
}

function Text({ text, short = text, wide }: TextProps) {
  return (
    <span role="gridcell" class={wide ? 'wide' : ''} title={visible(text ?? '')}>
      <bdi>{visible(short ?? '')}</bdi>
    </span>
  )
}

function withoutScheme(uri: string | null): string | null {
  return uri?.replace(/^sips?:/i, '') ?? null
}

/** Returns the id of a row. The focused grid names its selected row by this id. */
export function rowId({ number }: Call): string {
  return `call-${number}`
}
