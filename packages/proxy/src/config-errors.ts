/** Describes configuration errors for the person who wrote the configuration. */
import { closest, distance } from 'fastest-levenshtein'
import { z } from 'zod'

const EXAMPLES: Record<string, string> = {
  listen: '[udp:192.0.2.1:5060]',
  alias: '[sip.example.com]',
  script: '{ file: router.ts }',
  'script.file': 'router.ts',
  tls: '{ cert: cert.pem, key: key.pem }',
  'tls.cert': 'cert.pem',
  'tls.key': 'key.pem',
  http: '127.0.0.1:9060',
}

const KINDS: Record<string, string> = {
  array: 'a list',
  object: 'options by name',
  string: 'text',
  number: 'a number',
  int: 'an integer',
  boolean: 'true or false',
}

/**
 * An error map for zod: describes a value of the wrong kind, or a missing value, and shows the right form unless it is
 * obvious.
 */
export function wrongValue(issue: z.core.$ZodRawIssue): string | undefined {
  const { input } = issue
  switch (issue.code) {
    case 'invalid_type': {
      const path = issue.path?.join('.') ?? ''
      const example = EXAMPLES[path] === undefined ? '' : `, such as ${path}: ${EXAMPLES[path]}`
      if (input === undefined) return `is missing${example}`
      return `must be ${KINDS[issue.expected] ?? issue.expected}${example}, not ${JSON.stringify(input)}`
    }
    case 'invalid_value':
      return `must be one of ${issue.values.join(', ')}, not ${JSON.stringify(input)}`
    case 'too_small':
      return issue.origin === 'string' ? 'is empty' : `must be at least ${issue.minimum}, not ${input}`
    case 'too_big':
      return `must be at most ${issue.maximum}, not ${input}`
    default:
      return undefined
  }
}

/** Returns one text for each error: the place in the configuration, and what is wrong. */
export function whatIsWrong(schema: z.ZodType, { issues }: z.ZodError): string[] {
  return issues.flatMap((issue) => {
    const path = issue.path.length === 0 ? '' : `${issue.path.join('.')}: `
    if (issue.code !== 'unrecognized_keys') return [`${path || 'configuration: '}${issue.message}`]
    return issue.keys.map((key) => {
      const meant = nearest(key, optionsAt(schema, issue.path))
      return `${path}${key}: no such option${meant === undefined ? '' : `; did you mean ${meant}?`}`
    })
  })
}

function nearest(key: string, names: readonly string[]): string | undefined {
  if (names.length === 0) return undefined
  const name = closest(key, names)
  return distance(key, name) <= Math.min(2, key.length / 2) ? name : undefined
}

function optionsAt(schema: z.ZodType, path: readonly PropertyKey[]): string[] {
  let at: unknown = schema
  for (const key of path) at = shapeOf(at)[key as string]
  return Object.keys(shapeOf(at))
}

function shapeOf(type: unknown): Record<string, unknown> {
  if (type instanceof z.ZodPrefault || type instanceof z.ZodOptional) return shapeOf(type.unwrap())
  return type instanceof z.ZodObject ? type.shape : {}
}
