/** From, To and other addresses: `name-addr / addr-spec` with parameters (RFC 3261 sections 20.10 and 25.1). */

export interface Address {
  /** The URI as written. */
  readonly uri: string
  /** What stands behind the address, from the first `;` on; '' without. */
  readonly parameters: string
}

const QUOTED = /"(?:[^"\\]|\\.)*"?/y

/**
 * @param value of one header, unfolded
 * @returns null where an angle bracket is never closed
 */
export function parseAddress(value: string): Address | null {
  let at = 0
  while (at < value.length) {
    const character = value[at]!
    if (character === '"') {
      QUOTED.lastIndex = at
      at += QUOTED.exec(value)![0].length
    } else if (character === '<') {
      const end = value.indexOf('>', at)
      if (end === -1) return null
      const semicolon = value.indexOf(';', end)
      return {
        uri: value.slice(at + 1, end).trim(),
        parameters: semicolon === -1 ? '' : value.slice(semicolon),
      }
    } else at++
  }
  // addr-spec: without brackets, parameters are those of the header, not of the URI (section 20.10).
  const semicolon = value.indexOf(';')
  if (semicolon === -1) return { uri: value.trim(), parameters: '' }
  return { uri: value.slice(0, semicolon).trim(), parameters: value.slice(semicolon) }
}

/** Value of a parameter, without quotes; '' for one without a value, null where it is absent. Names ignore case. */
export function parameter(parameters: string, name: string): string | null {
  const wanted = name.toLowerCase()
  const PARAMETER = /;\s*([^\s=;"]+)\s*(?:=\s*("(?:[^"\\]|\\.)*"|[^;\s]*))?/g
  for (const [, key, value = ''] of parameters.matchAll(PARAMETER)) {
    if (key!.toLowerCase() !== wanted) continue
    return value.startsWith('"') ? value.slice(1, -1).replaceAll(/\\(.)/g, '$1') : value
  }
  return null
}
