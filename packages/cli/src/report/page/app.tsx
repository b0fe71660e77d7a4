/** Shows the overview with the list of calls, or one call. The fragment of the address selects between them. */
import { useCallback, useEffect, useMemo, useState } from 'preact/hooks'
import { CallList, FIRST_LIST, type ListState, listedCalls } from './call-list.tsx'
import { CallView } from './call-view.tsx'
import { Overview } from './overview.tsx'
import type { Call, Report } from './report.ts'

export function App({ report }: { report: Report }) {
  const [list, setList] = useState<ListState>(FIRST_LIST)
  const { query, range, sort, descending } = list
  const calls = useMemo(() => listedCalls(report, list), [report, query, range, sort, descending])
  const [message, setMessage] = useState(() => messageOfAddress(report))
  useEffect(() => {
    const moved = () => setMessage(messageOfAddress(report))
    addEventListener('popstate', moved)
    return () => removeEventListener('popstate', moved)
  }, [])

  const onState = useCallback(
    (change: Partial<ListState>) => setList((state) => ({ ...state, ...change })),
    [],
  )
  const onOpen = (call: Call) => {
    onState({ selected: call.number })
    history.pushState(null, '', addressOf(call.messages[0]!))
    setMessage(call.messages[0]!)
  }
  const onCall = (call: Call) => {
    onState({ selected: call.number })
    onMessage(call.messages[0]!)
  }
  const onMessage = (to: number) => {
    history.replaceState(null, '', addressOf(to))
    setMessage(to)
  }
  const onClose = useCallback(() => {
    history.pushState(null, '', '#')
    setMessage(null)
  }, [])

  const search = (query: string) => {
    onState({ query, range: null })
    document.getElementById('calls-title')?.scrollIntoView({ block: 'start' })
  }
  return (
    <>
      {message === null ? (
        <div class="overview">
          <Overview report={report} onSearch={search} onRange={(range) => onState({ range })} />
          <CallList report={report} calls={calls} state={list} onState={onState} onOpen={onOpen} />
        </div>
      ) : (
        <CallView
          report={report}
          calls={calls}
          message={message}
          onCall={onCall}
          onMessage={onMessage}
          onClose={onClose}
        />
      )}
      <footer>
        <kbd>↑</kbd> <kbd>↓</kbd> choose <kbd>Enter</kbd> {message === null ? 'open' : 'read'} <kbd>Esc</kbd>{' '}
        {message === null ? 'show all' : 'back'}
        {message === null ? (
          <>
            <kbd>/</kbd> search
          </>
        ) : (
          <>
            <kbd>←</kbd> <kbd>→</kbd> other calls
          </>
        )}
      </footer>
    </>
  )
}

function addressOf(message: number): string {
  return `#message=${message}`
}

/** Returns null for the overview, and for an address that is no message of this report. */
function messageOfAddress(report: Report): number | null {
  const message = Number(/^#message=(\d{1,9})$/.exec(location.hash)?.[1] ?? Number.NaN)
  return message < report.length ? message : null
}
