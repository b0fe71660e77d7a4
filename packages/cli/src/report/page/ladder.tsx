/** The messages of a call as a ladder diagram, like that of sngrep: addresses side by side, time downwards. */
import { useEffect, useMemo } from 'preact/hooks'
import { FLAG } from '../format.ts'
import { Arrow, ROW_HEIGHT } from './arrow.tsx'
import type { Call, Report } from './report.ts'
import { moved, useRows } from './rows.ts'
import { useWidth } from './use-width.ts'
import { clock, delta, visible } from './words.ts'

const LANES_HEIGHT = 40
const TIMES_WIDTH = 106
/** Width of the script's column in pixels: all tags in one row, or in two if there is little room. */
const DECISION = { least: 116, most: 184 }
const LANE = { least: 112, most: 300 }

interface LadderProps {
  report: Report
  call: Call
  /** Index in call.messages. */
  selected: number
  onSelect(at: number): void
  onEnter(): void
}

export function Ladder({ report, call, selected, onSelect, onEnter }: LadderProps) {
  const { messages } = call
  const lanes = useMemo(() => addresses(report, call), [call])
  const rows = useRows(messages.length, ROW_HEIGHT, LANES_HEIGHT)
  const { ref, width } = useWidth()
  const left = width - TIMES_WIDTH - LANE.least * lanes.length
  const decided = Math.max(DECISION.least, Math.min(DECISION.most, left))
  const room = (width - TIMES_WIDTH - decided) / lanes.length
  const lane = Math.max(LANE.least, Math.min(LANE.most, Math.floor(room)))
  const full = TIMES_WIDTH + lane * lanes.length + decided

  useEffect(() => rows.show(selected), [selected, call])
  useEffect(() => rows.ref.current!.focus({ preventScroll: true }), [call])

  const onKeyDown = (event: KeyboardEvent) => {
    const to = moved(event.key, selected, messages.length, rows.page)
    if (to !== null) onSelect(to)
    else if (event.key === 'Enter') onEnter()
    else return
    event.preventDefault()
  }

  return (
    <div class="ladder" ref={ref}>
      <div
        class="rows"
        ref={rows.ref}
        role="listbox"
        tabIndex={0}
        aria-label="Messages of the call, in order"
        aria-activedescendant={messageId(messages[selected]!)}
        onKeyDown={onKeyDown}
      >
        <div class="lanes" style={{ width: `${full}px`, paddingLeft: `${TIMES_WIDTH}px` }} aria-hidden="true">
          {lanes.map((address) => (
            <span key={address} style={{ width: `${lane}px` }} title={address}>
              <span>{address.slice(0, address.lastIndexOf(':'))}</span>
              <span>{address.slice(address.lastIndexOf(':'))}</span>
            </span>
          ))}
          <span class="decided" style={{ width: `${decided}px` }}>
            the script
          </span>
        </div>
        <div class="all" style={{ height: `${rows.height}px`, width: `${full}px` }} role="presentation">
          {rows.inSight.map(({ index, top }) => (
            <Step
              key={messages[index]}
              {...{ report, lanes, lane, decided }}
              message={messages[index]!}
              before={messages[index - 1]}
              top={top}
              selected={index === selected}
              onSelect={() => onSelect(index)}
            />
          ))}
        </div>
      </div>
    </div>
  )
}

interface StepProps {
  report: Report
  lanes: readonly string[]
  /** Width of a lane in pixels. */
  lane: number
  /** Width of the script's column in pixels. */
  decided: number
  message: number
  before: number | undefined
  top: number
  selected: boolean
  onSelect(): void
}

function Step({ report, lanes, lane, decided, message, before, top, selected, onSelect }: StepProps) {
  const { time, frame } = report.index.messages
  const src = report.text('src', message)!
  const dst = report.text('dst', message)!
  const since = before === undefined ? '' : delta(time[message]! - time[before]!)
  const title = visible(report.title(message))
  const repeated = report.has(message, FLAG.RETRANSMISSION)
  const decision = report.decision(message)
  return (
    <div
      id={messageId(message)}
      class={`step ${kindOf(report.index.messages.status[message]!)} ${repeated ? 'repeated' : ''}`}
      role="option"
      tabIndex={-1}
      aria-selected={selected}
      style={{ transform: `translateY(${top}px)` }}
      onClick={onSelect}
    >
      <span class="times">
        <span>{clock(report.index.start, time[message]!).slice(0, 12)}</span>
        <span>{since}</span>
      </span>
      <span class="unseen">
        frame {frame[message]}: {title}, {src} to {dst}
        {repeated && ', retransmission'}, {decision}
      </span>
      <Arrow title={title} from={lanes.indexOf(src)} to={lanes.indexOf(dst)} {...{ lanes, lane }} />
      <span class="decided" style={{ width: `${decided}px` }}>
        {decision !== 'true' && <span class={`tag ${decision.replace(' ', '-')}`}>{decision}</span>}
        {report.has(message, FLAG.EDITED) && <span class="tag edited">edited</span>}
        {report.index.messages.dstUri[message]! >= 0 && <span class="tag next-hop">next hop</span>}
        {report.has(message, FLAG.LOGGED) && <span class="tag">log</span>}
      </span>
    </div>
  )
}

/** Returns the addresses in order of appearance. */
function addresses(report: Report, { messages }: Call): string[] {
  const { src, dst } = report.index.messages
  const places = new Set(messages.flatMap((message) => [src[message]!, dst[message]!]))
  return [...places].map((place) => report.string(place)!)
}

function kindOf(status: number): string {
  if (status === 0) return 'request'
  return status < 200 ? 'provisional' : status < 300 ? 'success' : status < 400 ? 'redirection' : 'failure'
}

function messageId(message: number): string {
  return `message-${message}`
}
