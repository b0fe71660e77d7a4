/** What a script did to a message, as a diff of its lines. */
import { type InspectColor, styleText } from 'node:util'
import { printable } from '@siplet/engine'
import { lineChanges } from './line-changes.ts'

/**
 * The whole message, its lines marked with `+` (added), `-` (removed) or nothing. Coloured where `stream` is a
 * terminal and NO_COLOR is not set.
 *
 * @param before the message as it came in; its bytes are shown as UTF-8, and control characters as their escapes
 * @param after as edited
 */
export function messageDiff(before: Uint8Array, after: Uint8Array, stream: NodeJS.WriteStream): string {
  let text = ''
  for (const { added, removed, value } of lineChanges(lines(before), lines(after))) {
    const [mark, colour]: [string, InspectColor] = added
      ? ['+', 'green']
      : removed
        ? ['-', 'red']
        : [' ', 'reset']
    for (const line of value.replace(/\n$/, '').split('\n')) {
      const shown = `${mark} ${line}`.trimEnd()
      text += `${added || removed ? styleText(colour, shown, { stream }) : shown}\n`
    }
  }
  return text
}

function lines(bytes: Uint8Array): string {
  const text = Buffer.from(bytes).toString('utf8').replaceAll('\r\n', '\n')
  const shown = text.split('\n').map(printable).join('\n')
  return shown.endsWith('\n') ? shown : `${shown}\n`
}
