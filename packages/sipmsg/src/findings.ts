/**
 * Everything that validation can find. Codes are stable. An `error` is forbidden by an RFC, a `warning` is allowed but
 * unusual.
 */

export type Severity = 'error' | 'warning'

interface FindingKind {
  readonly severity: Severity
  /** Section of RFC 3261. */
  readonly section: string
}

export const FINDINGS = {
  START_LINE_MALFORMED: { severity: 'error', section: '7' },
  START_LINE_LWS: { severity: 'error', section: '7.1' },
  VERSION_UNSUPPORTED: { severity: 'error', section: '7.1' },
  STATUS_CODE_RANGE: { severity: 'error', section: '7.2' },
  REQUEST_URI_MALFORMED: { severity: 'error', section: '19.1.1' },
  REQUEST_URI_HEADERS: { severity: 'error', section: '19.1.1' },
  URI_SCHEME_UNKNOWN: { severity: 'warning', section: '8.2.2.1' },
  HEAD_UNTERMINATED: { severity: 'error', section: '7' },
  LINE_END: { severity: 'warning', section: '7' },
  HEADER_MALFORMED: { severity: 'error', section: '7.3.1' },
  HEADER_MISSING: { severity: 'error', section: '8.1.1' },
  HEADER_REPEATED: { severity: 'error', section: '7.3.1' },
  MAX_FORWARDS_MISSING: { severity: 'warning', section: '8.1.1.6' },
  MAX_FORWARDS_ZERO: { severity: 'warning', section: '16.3' },
  CONTACT_MISSING: { severity: 'warning', section: '8.1.1.8' },
  FROM_TAG_MISSING: { severity: 'warning', section: '8.1.1.3' },
  NUMBER_RANGE: { severity: 'error', section: '20' },
  CSEQ_METHOD_MISMATCH: { severity: 'error', section: '8.1.1.5' },
  VIA_BRANCH_MISSING: { severity: 'warning', section: '8.1.1.7' },
  VIA_BRANCH_RFC2543: { severity: 'warning', section: '8.1.1.7' },
  VIA_BRANCH_EMPTY: { severity: 'error', section: '8.1.1.7' },
  VIA_BROADCAST: { severity: 'warning', section: '18.2.2' },
  PARAMETERS_MALFORMED: { severity: 'error', section: '25.1' },
  LIST_ELEMENT_EMPTY: { severity: 'error', section: '7.3' },
  QUOTED_STRING_UNTERMINATED: { severity: 'error', section: '25.1' },
  DISPLAY_NAME_TOKENS: { severity: 'error', section: '25.1' },
  ADDR_SPEC_LWS: { severity: 'error', section: '25.1' },
  ADDR_SPEC_BRACKETS: { severity: 'error', section: '20' },
  URI_MALFORMED: { severity: 'error', section: '19.1.1' },
  DATE_MALFORMED: { severity: 'error', section: '20.17' },
  CONTENT_LENGTH_LARGER: { severity: 'error', section: '18.3' },
  TRAILING_BYTES: { severity: 'warning', section: '18.3' },
  OPTION_TAG_UNKNOWN: { severity: 'warning', section: '8.2.2.3' },
  AUTH_SCHEME_UNKNOWN: { severity: 'warning', section: '22.4' },
  CONTENT_TYPE_UNKNOWN: { severity: 'warning', section: '8.2.3' },
  ACCEPT_WITHOUT_SDP: { severity: 'warning', section: '20.1' },
} as const satisfies Record<string, FindingKind>

export type FindingCode = keyof typeof FINDINGS

export interface Finding {
  readonly code: FindingCode
  readonly severity: Severity
  /** For example `RFC 3261 section 20.16`. */
  readonly section: string
  /** Offset in the current message of the bytes in question, or of the place where bytes are missing. */
  readonly offset: number
  /** What was found, with the value, and what is expected. */
  readonly text: string
}

/**
 * @param section overrides the section of the table: a section of RFC 3261, or a full reference such as
 * `RFC 6665 section 8.2.1`
 */
export function finding(code: FindingCode, offset: number, text: string, section?: string): Finding {
  const kind = FINDINGS[code]
  return {
    code,
    severity: kind.severity,
    section: section?.startsWith('RFC ') === true ? section : `RFC 3261 section ${section ?? kind.section}`,
    offset,
    text,
  }
}

/** Returns a value for use within a sentence: shortened, with control characters made visible. */
export function shown(value: string): string {
  return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value)
}

/** Appends any number of findings. A message may have more findings than a call may have arguments. */
export function append(findings: Finding[], more: readonly Finding[]): void {
  for (const one of more) findings.push(one)
}
