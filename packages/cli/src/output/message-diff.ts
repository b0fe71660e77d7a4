/** Shows the changes of a script to a message as a diff of lines. */
import { type InspectColor, styleText } from 'node:util'
import { printable } from '@siplet/engine'
import { lineChanges } from './line-changes.ts'

/**
 * Returns the whole message. Lines are marked with `+` (added), `-` (removed) or nothing. Coloured if `stream` is a
 * terminal and NO_COLOR is not set.
 *
 * @param before the message as received; its bytes are shown as UTF-8, control characters as escapes
 * @param after the edited message
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
