/** Formats numbers, times and captured text for display. */

export function count(value: number): string {
  return value.toLocaleString('en')
}

export function plural(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? '' : 's'}`
}

/** @param us microseconds */
export function duration(us: number): string {
  if (us < 1_000) return `${trim(us)} µs`
  if (us < 1_000_000) return `${trim(us / 1_000)} ms`
  const seconds = us / 1_000_000
  if (seconds < 120) return `${trim(seconds)} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 120) return twoUnits(minutes, 'min', Math.floor(seconds % 60), 's')
  const hours = Math.floor(minutes / 60)
  if (hours < 48) return twoUnits(hours, 'h', minutes % 60, 'min')
  return twoUnits(Math.floor(hours / 24), 'd', hours % 24, 'h')
}

function twoUnits(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return `${count(large)} ${largeUnit}${small > 0 ? ` ${small} ${smallUnit}` : ''}`
}

/** Returns the time of day in UTC with microseconds. */
export function clock(start: string, us: number): string {
  const { seconds, micros } = moment(start, us)
  return `${new Date(seconds * 1_000).toISOString().slice(11, 19)}.${String(micros).padStart(6, '0')}`
}

/** Returns date and time of day in UTC. */
export function dateAndClock(start: string, us: number): string {
  const { seconds } = moment(start, us)
  return `${new Date(seconds * 1_000).toISOString().slice(0, 10)} ${clock(start, us)}`
}

/** @param us microseconds since the previous message */
export function delta(us: number): string {
  return `${us < 0 ? '−' : '+'}${(Math.abs(us) / 1_000_000).toFixed(us !== 0 && Math.abs(us) < 1_000 ? 6 : 3)}`
}

/** Makes control characters visible, and characters that change the direction of text. Line feeds and tabs stay. */
export function visible(text: string): string {
  return text.replace(UNSEEN, (character) => {
    const code = character.codePointAt(0)!
    if (code < 0x20) return String.fromCodePoint(0x2400 + code)
    return code === 0x7f ? '␡' : `\\u{${code.toString(16)}}`
  })
}

const UNSEEN =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g

/** Returns the text of a message: one-byte text, with its bytes read as UTF-8. */
export function decoded(oneByteText: string): string {
  return new TextDecoder().decode(Uint8Array.from(oneByteText, (character) => character.charCodeAt(0)))
}

function trim(value: number): string {
  return value >= 100 ? Math.round(value).toString() : String(Number(value.toPrecision(3)))
}

/** Splits the time: a double cannot hold seconds since 1970 with microseconds. */
function moment(start: string, us: number): { seconds: number; micros: number } {
  const [seconds = '0', fraction = ''] = start.split('.')
  const micros = Number(fraction.slice(0, 6)) + us
  return {
    seconds: Math.max(0, Number(seconds) + Math.floor(micros / 1_000_000)),
    micros: ((micros % 1_000_000) + 1_000_000) % 1_000_000,
  }
}
