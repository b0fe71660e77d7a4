/** The torture messages of the corpus, with their names from RFC 4475. */
import assert from 'node:assert/strict'
import { type FindingCode, SIPMessage, validate } from '@siplet/sipmsg'
import { tortureMessages } from '../support/corpus.ts'

/** Errors that must be found. Messages that are not listed here have none. */
const ERRORS: Record<string, FindingCode[]> = {
  badinv01: ['PARAMETERS_MALFORMED', 'HEADER_MALFORMED', 'LIST_ELEMENT_EMPTY'],
  clerr: ['CONTENT_LENGTH_LARGER'],
  scalarlg: ['NUMBER_RANGE'],
  quotbal: ['QUOTED_STRING_UNTERMINATED'],
  ltgtruri: ['REQUEST_URI_MALFORMED'],
  lwsstart: ['START_LINE_LWS'],
  trws: ['START_LINE_LWS'],
  escruri: ['REQUEST_URI_HEADERS'],
  regbadct: ['ADDR_SPEC_BRACKETS'],
  badaspec: ['ADDR_SPEC_LWS'],
  // The file ends within its head.
  baddn: ['DISPLAY_NAME_TOKENS', 'HEAD_UNTERMINATED'],
  mismatch02: ['CSEQ_METHOD_MISMATCH'],
  badbranch: ['VIA_BRANCH_EMPTY'],
  insuf: ['HEADER_MISSING'],
  multi01: ['HEADER_REPEATED'],
  mcl01: ['HEADER_REPEATED'],
}

describe('torture messages of the corpus', () => {
  const messages = tortureMessages()
  if (messages === undefined) {
    it('are skipped: ../shared/corpus is not on this machine, 0 messages read', function () {
      // Not every reporter shows the titles of skipped tests.
      console.log('      SKIPPED: ../shared/corpus is not on this machine, 0 messages read')
      this.skip()
    })
    return
  }

  for (const { name, bytes } of messages) {
    it(name, () => {
      const found = validate(bytes).filter(({ severity }) => severity === 'error')
      assert.deepEqual(new Set(found.map(({ code }) => code)), new Set(ERRORS[name] ?? []))
      const message = new SIPMessage(bytes)
      assert.deepEqual(Buffer.from(message.toBytes()), bytes)
      for (const { values } of message.headers()) for (const value of values) String(value)
    })
  }

  after(() => {
    const invalid = messages.filter(({ name }) => name in ERRORS).length
    console.log(
      `      torture: ${messages.length} messages of the corpus read, ${invalid} of them with expected errors`,
    )
  })
})
