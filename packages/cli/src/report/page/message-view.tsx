/** Shows one message: the decision of the script, its log lines and its changes. */
import type { RefObject } from 'preact'
import { useEffect, useMemo, useState } from 'preact/hooks'
import { applySplices } from '../../../../sipmsg/src/edits.ts'
import { FLAG, type MessageDetail } from '../format.ts'
import { type DiffLine, linesOf, messageDiff } from './message-diff.ts'
import type { Report } from './report.ts'
import { loadDetail } from './unpack.ts'
import { count, dateAndClock, decoded, duration, visible } from './words.ts'

const VIEWS = ['changes', 'before', 'after'] as const
type View = (typeof VIEWS)[number]

interface MessageViewProps {
  report: Report
  message: number
  panel: RefObject<HTMLElement | null>
}

export function MessageView({ report, message, panel }: MessageViewProps) {
  const [loaded, setLoaded] = useState<{ message: number; detail: MessageDetail | null } | Error>()
  const [view, setView] = useState<View>('changes')
  useEffect(() => {
    let wanted = true
    loadDetail(report.index, message).then(
      (detail) => wanted && setLoaded({ message, detail }),
      (error) => wanted && setLoaded(error),
    )
    return () => {
      wanted = false
    }
  }, [message])
  const edited = report.has(message, FLAG.EDITED)

  return (
    <section
      class="message"
      ref={panel}
      tabIndex={0}
      aria-label={`Message: ${visible(report.title(message))}`}
    >
      <h2>
        {visible(report.title(message))} <small>frame {report.index.messages.frame[message]}</small>
      </h2>
      <Facts report={report} message={message} />
      {loaded instanceof Error ? (
        <p role="alert">The text of this message cannot be shown: {loaded.message}</p>
      ) : loaded?.message !== message ? (
        <p class="hint">…</p>
      ) : loaded.detail === null ? (
        <p class="hint">The text of this message was left out: the report took only the first ones.</p>
      ) : (
        <>
          <Run detail={loaded.detail} />
          <Failure detail={loaded.detail} />
          <Logs detail={loaded.detail} />
          <div class="views" role="group" aria-label="Which text">
            {VIEWS.map((name) => (
              <button
                type="button"
                key={name}
                aria-pressed={view === name}
                disabled={!edited && name !== 'changes'}
                onClick={() => setView(name)}
              >
                {name === 'changes' && !edited ? 'message, unchanged' : name}
              </button>
            ))}
          </div>
          <MessageText detail={loaded.detail} view={edited ? view : 'before'} />
        </>
      )}
    </section>
  )
}

function Facts({ report, message }: { report: Report; message: number }) {
  const { time, code, tenths } = report.index.messages
  const text = (column: Parameters<Report['text']>[0]) => visible(report.text(column, message) ?? '')
  const decision = report.decision(message)
  const exec = text('exec')
  const outcome = decision === 'error' ? 'failed after' : `returned ${code[message]} in`
  const ruriOut = text('ruriOut')
  const dstUri = text('dstUri')
  const facts: [name: string, value: preact.ComponentChild][] = [
    ['time', `${dateAndClock(report.index.start, time[message]!)} UTC`],
    ['path', `${text('src')} → ${text('dst')} (${text('transport')})`],
    ['file', text('file')],
    [
      'decision',
      <>
        <span class={`tag ${decision.replace(' ', '-')}`}>{decision}</span>
        {exec && ` ${exec} ${outcome} ${duration(tenths[message]! / 10)}`}
      </>,
    ],
    ...(report.has(message, FLAG.RETRANSMISSION)
      ? [['note', 'retransmission: the same bytes came before'] as [string, string]]
      : []),
    ...(ruriOut
      ? [
          [
            'Request-URI',
            <>
              <del>{text('ruri')}</del> → <ins>{ruriOut}</ins>
            </>,
          ] as [string, preact.ComponentChild],
        ]
      : []),
    ...(dstUri ? [['next hop', <ins key="next">{dstUri}</ins>] as [string, preact.ComponentChild]] : []),
  ]
  return (
    <dl>
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>
            <bdi>{value}</bdi>
          </dd>
        </div>
      ))}
    </dl>
  )
}

function Run({ detail: { child, sharedBy } }: { detail: MessageDetail }) {
  if (child === 0) return null
  const shared = `; the time is an equal share of what a batch of ${count(sharedBy)} messages took`
  return (
    <p class="hint">
      Run by child {child}
      {sharedBy > 1 && shared}.
    </p>
  )
}

function Failure({ detail: { error } }: { detail: MessageDetail }) {
  if (error === null) return null
  const { code, message, stack } = error
  return (
    <div class="failure">
      <h3>{code}</h3>
      <pre>{visible(stack.includes(message) ? stack : `${message}\n${stack}`)}</pre>
    </div>
  )
}

function Logs({ detail: { logs } }: { detail: MessageDetail }) {
  if (logs.length === 0) return null
  return (
    <div class="logs">
      <h3>The script logged</h3>
      <ul>
        {logs.map(([level, text], k) => (
          <li key={k}>
            <span class={`level ${level.toLowerCase()}`}>{level}</span> {visible(text)}
          </li>
        ))}
      </ul>
    </div>
  )
}

function MessageText({ detail, view }: { detail: MessageDetail; view: View }) {
  const lines = useMemo(() => textLines(detail, view), [detail, view])
  return (
    <pre class="text">
      {lines.map(({ kind, parts }, k) => {
        const Line = kind === 'removed' ? 'del' : kind === 'added' ? 'ins' : 'span'
        return (
          <Line key={k} class={`line ${kind}`}>
            {parts.map(({ text, marked }, p) =>
              marked ? <mark key={p}>{visible(text)}</mark> : visible(text),
            )}
            {'\n'}
          </Line>
        )
      })}
    </pre>
  )
}

function textLines({ raw, splices }: MessageDetail, view: View): DiffLine[] {
  const before = decoded(raw)
  const after = () =>
    decoded(
      applySplices(
        raw,
        splices.map(([start, end, text]) => ({ start, end, text })),
      ),
    )
  if (view === 'changes') return messageDiff(before, after())
  return linesOf(view === 'before' ? before : after()).map((text) => ({
    kind: 'kept',
    parts: [{ text, marked: false }],
  }))
}
