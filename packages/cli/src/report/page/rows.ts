/** The visible rows of a long list: TanStack Virtual for Preact. */
import { elementScroll, observeElementOffset, observeElementRect, Virtualizer } from '@tanstack/virtual-core'
import type { RefObject } from 'preact'
import { useEffect, useLayoutEffect, useReducer, useRef, useState } from 'preact/hooks'

export interface Rows {
  /** For the scrolling element. */
  readonly ref: RefObject<HTMLDivElement | null>
  /** Height of all rows together, in pixels. */
  readonly height: number
  readonly inSight: readonly { readonly index: number; readonly top: number }[]
  show(index: number): void
  /** Number of rows on a page. */
  readonly page: number
}

/**
 * @param rowHeight height of every row in pixels
 * @param headHeight height in pixels of the fixed head above the rows
 */
export function useRows(count: number, rowHeight: number, headHeight: number): Rows {
  const ref = useRef<HTMLDivElement>(null)
  const [, render] = useReducer((n: number) => n + 1, 0)
  const options = {
    count,
    getScrollElement: () => ref.current,
    estimateSize: () => rowHeight,
    overscan: 8,
    scrollMargin: headHeight,
    scrollPaddingStart: headHeight,
    scrollToFn: elementScroll,
    observeElementRect,
    observeElementOffset,
    onChange: () => render(undefined),
  }
  const [virtualizer] = useState(() => new Virtualizer<HTMLDivElement, HTMLElement>(options))
  virtualizer.setOptions(options)
  useLayoutEffect(() => virtualizer._didMount(), [])
  useLayoutEffect(() => virtualizer._willUpdate())
  useEffect(() => virtualizer.measure(), [rowHeight])
  return {
    ref,
    height: virtualizer.getTotalSize(),
    inSight: virtualizer
      .getVirtualItems()
      .filter(({ index }) => index < count)
      .map(({ index, start }) => ({ index, top: start - headHeight })),
    show: (index) => virtualizer.scrollToIndex(index, { align: 'auto' }),
    page: Math.max(1, Math.floor(((virtualizer.scrollRect?.height ?? 0) - headHeight) / rowHeight) - 1),
  }
}

/**
 * Returns the row to which a key moves; null for other keys.
 *
 * @param page number of rows on a page
 */
export function moved(key: string, from: number, count: number, page: number): number | null {
  const to: Record<string, number> = {
    ArrowDown: from + 1,
    ArrowUp: from - 1,
    PageDown: from + page,
    PageUp: from - page,
    Home: 0,
    End: count - 1,
  }
  return Object.hasOwn(to, key) ? Math.max(0, Math.min(count - 1, to[key]!)) : null
}
