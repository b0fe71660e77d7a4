/** Shows one call: its ladder diagram, and the selected message next to it. */
import { useLayoutEffect, useRef } from 'preact/hooks'
import { Ladder } from './ladder.tsx'
import { MessageView } from './message-view.tsx'
import type { Call, Report } from './report.ts'
import { count, plural, visible } from './words.ts'

interface CallViewProps {
  report: Report
  /** All calls of the list, for moving to the next one. */
  calls: readonly Call[]
  message: number
  onCall(call: Call): void
  onMessage(message: number): void
  onClose(): void
}

export function CallView({ report, calls, message, onCall, onMessage, onClose }: CallViewProps) {
  const call = report.callOf(message)
  const place = calls.indexOf(call)
  const view = useRef<HTMLDivElement>(null)
  const panel = useRef<HTMLElement>(null)
  // A layout effect, so that it runs before the next key, which moves on from the call that is shown.
  useLayoutEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      const next = event.key === 'ArrowRight' ? calls[place + 1] : calls[place - 1]
      if (event.key === 'Escape') {
        const ladder = view.current!.querySelector<HTMLElement>('[role=listbox]')!
        if (panel.current!.contains(document.activeElement)) ladder.focus()
        else onClose()
      } else if (/^Arrow(Left|Right)$/.test(event.key) && !hasModifier(event)) {
        if (next !== undefined) onCall(next)
      } else return
      event.preventDefault()
    }
    addEventListener('keydown', pressed)
    return () => removeEventListener('keydown', pressed)
  })
  return (
    <div class="call" ref={view}>
      <header>
        <nav>
          <button type="button" onClick={onClose}>
            Calls
          </button>
          <Other words="previous call" sign="←" call={calls[place - 1]} onCall={onCall} />
          <Other words="next call" sign="→" call={calls[place + 1]} onCall={onCall} />
          {place >= 0 && `${count(place + 1)} of ${count(calls.length)}`}
        </nav>
        <h1>
          <bdi>{visible(call.callId ?? '(no Call-ID)')}</bdi>
        </h1>
        <p>
          {visible(call.state.method)},{' '}
          <span class={`state ${call.state.outcome}`}>{visible(call.state.words)}</span>,{' '}
          {plural(call.messages.length, 'message')}
          {call.from !== null && (
            <>
              , from <bdi>{visible(call.from)}</bdi>
            </>
          )}
          {call.to !== null && (
            <>
              {' '}
              to <bdi>{visible(call.to)}</bdi>
            </>
          )}
        </p>
      </header>
      <div class="split">
        <Ladder
          report={report}
          call={call}
          selected={call.messages.indexOf(message)}
          onSelect={(at) => onMessage(call.messages[at]!)}
          onEnter={() => panel.current!.focus()}
        />
        <MessageView report={report} message={message} panel={panel} />
      </div>
    </div>
  )
}

interface OtherProps {
  words: string
  sign: string
  call: Call | undefined
  onCall(call: Call): void
}

function Other({ words, sign, call, onCall }: OtherProps) {
  return (
    <button type="button" aria-label={words} disabled={call === undefined} onClick={() => onCall(call!)}>
      {sign}
    </button>
  )
}

/** Alt with an arrow key is the browser's own command for going back. */
function hasModifier({ altKey, ctrlKey, metaKey, shiftKey }: KeyboardEvent): boolean {
  return altKey || ctrlKey || metaKey || shiftKey
}
