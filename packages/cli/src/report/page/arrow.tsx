/** A message as an arrow between two lifelines: one row of a ladder diagram. */

/** Height of a row in pixels. */
export const ROW_HEIGHT = 46
/** Vertical position of the arrow in its row. */
const ARROW_Y = 32
const HEAD = 7

interface ArrowProps {
  title: string
  from: number
  to: number
  lanes: readonly string[]
  lane: number
}

export function Arrow({ title, from, to, lanes, lane }: ArrowProps) {
  const middle = (place: number) => lane * (place + 0.5)
  const start = middle(from)
  const toSelf = from === to
  const end = toSelf ? start : middle(to)
  const direction = end >= start ? 1 : -1
  const tip = toSelf ? start : end - direction
  const line = toSelf
    ? `M${start},${ARROW_Y - 8} h28 v8 H${start + HEAD}`
    : `M${start},${ARROW_Y} H${tip - direction * HEAD}`
  const pointing = toSelf ? -1 : direction
  const head = `M${tip},${ARROW_Y} l${-pointing * HEAD * 1.3},${-HEAD * 0.65} v${HEAD * 1.3} z`
  return (
    <svg width={lane * lanes.length} height={ROW_HEIGHT} aria-hidden="true">
      {lanes.map((address, place) => (
        <line key={address} class="lifeline" x1={middle(place)} x2={middle(place)} y1={0} y2={ROW_HEIGHT} />
      ))}
      <path class="line" d={line} />
      <path class="head" d={head} />
      <text
        x={toSelf ? start + 34 : (start + end) / 2}
        y={ARROW_Y - 9}
        text-anchor={toSelf ? 'start' : 'middle'}
      >
        {shortened(title, toSelf ? lane / 2 - 22 : Math.abs(end - start))}
      </text>
    </svg>
  )
}

/** Returns the part of the text that fits the width, at about seven pixels per character. */
function shortened(text: string, width: number): string {
  const fits = Math.max(8, Math.floor((width - 12) / 7.2))
  return text.length <= fits ? text : `${text.slice(0, fits - 1)}…`
}
