/** Shows a uPlot chart in the available width and in the colours of the theme. */
import { useEffect, useState } from 'preact/hooks'
import uPlot from 'uplot'
import { useWidth } from './use-width.ts'

export interface ChartProps {
  /** Description of the chart for people who do not see it. */
  label: string
  height: number
  /** @param color returns the value of a custom property of the style sheet */
  options(color: (name: string) => string): Omit<uPlot.Options, 'width' | 'height'>
  data: uPlot.AlignedData
}

export function Chart({ label, height, options, data }: ChartProps) {
  const { ref, width } = useWidth()
  const theme = useTheme()
  useEffect(() => {
    if (width === 0) return
    const style = getComputedStyle(document.documentElement)
    const color = (name: string) => style.getPropertyValue(name).trim()
    const plot = new uPlot({ ...options(color), width, height }, data, ref.current!)
    return () => plot.destroy()
  }, [width, height, data, theme])
  return <div class="chart" ref={ref} role="img" aria-label={label} />
}

/** Returns an axis in the style of all charts. */
export function axis(color: (name: string) => string, more: uPlot.Axis): uPlot.Axis {
  return {
    stroke: color('--quiet'),
    grid: { stroke: color('--grid'), width: 1 },
    ticks: { stroke: color('--grid'), width: 1, size: 4 },
    font: '12px system-ui, sans-serif',
    ...more,
  }
}

function useTheme(): boolean {
  const [query] = useState(() => matchMedia('(prefers-color-scheme: dark)'))
  const [dark, setDark] = useState(query.matches)
  useEffect(() => {
    const changed = () => setDark(query.matches)
    query.addEventListener('change', changed)
    return () => query.removeEventListener('change', changed)
  }, [])
  return dark
}
