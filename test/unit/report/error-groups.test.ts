import assert from 'node:assert/strict'
import { errorGroups } from '../../../packages/cli/src/report/page/error-groups.ts'

const at = (message: string, line: number) =>
  `ERR_SIPLET_SCRIPT: ${message} (at /routing/handler.ts:${line}:9)`

describe('errors of a report', () => {
  it('are grouped by the place in the script, the most frequent first', () => {
    const groups = errorGroups([
      null,
      at('TypeError: x is undefined', 7),
      at('Error: no route for sip:1@example.com', 3),
      at('Error: no route for sip:2@example.com', 3),
      at('Error: no route for sip:2@example.com', 3),
    ])
    assert.deepEqual(
      groups.map(({ text, messages, texts, query }) => [text, messages, texts, query]),
      [
        [at('Error: no route for sip:1@example.com', 3), 3, 2, '"error:(at /routing/handler.ts:3:9)"'],
        [at('TypeError: x is undefined', 7), 1, 1, '"error:(at /routing/handler.ts:7:9)"'],
      ],
    )
  })

  it('of a script in Python are grouped by line, without a column', () => {
    const failure = (uri: string) => `ERR_SIPLET_SCRIPT: ValueError: ${uri} (at /routing/handler.py:8)`
    const groups = errorGroups([failure('sip:1@example.com'), failure('sip:2@example.com')])
    assert.deepEqual(
      groups.map(({ messages, query }) => [messages, query]),
      [[2, '"error:(at /routing/handler.py:8)"']],
    )
  })

  it('without a place form separate groups; a quote ends the search text', () => {
    const [timeout, quoting] = errorGroups(['ERR_SIPLET_TIMEOUT: too long', 'ERR_SIPLET_SCRIPT: say "no"'])
    assert.deepEqual(
      [timeout!.query, quoting!.query],
      ['"error:ERR_SIPLET_TIMEOUT: too long"', '"error:ERR_SIPLET_SCRIPT: say "'],
    )
  })
})
