/** Reads everything that sipmsg can return about bytes, for fuzzers and property tests. */
import assert from 'node:assert/strict'
import { SIPMessage, toBytes, toText, uriHeaders, validate } from '@siplet/sipmsg'

/**
 * @returns whether the bytes are SIP
 * @throws AssertionError if results contradict each other; any error that sipmsg must not throw
 */
export function readEverything(input: Uint8Array): boolean {
  const findings = validate(input)
  for (const { offset } of findings) assert.ok(offset >= 0 && offset <= input.length)
  let message: SIPMessage
  try {
    message = new SIPMessage(input)
  } catch (error) {
    assert.equal((error as { code?: string }).code, 'ERR_SIPLET_NOT_SIP')
    return false
  }
  const text = toText(input)
  assert.equal(message.text, text)
  assert.equal(message.headers().length, message.headerLines().length)
  readHeaders(message)
  void [message.method, message.status, message.reason, message.ruri, message.requestURI, message.truncatedIn]
  void [message.callId, message.cseqNumber, message.cseqMethod, message.maxForwards, message.expires]
  void [
    message.from?.displayName,
    message.to?.parsedURI,
    message.topVia?.branch,
    message.contacts,
    message.routes,
  ]
  void [message.contentType, message.credentials('Authorization'), message.getHeaderList('Allow')]
  assert.equal(message.bodyStart + message.bodyText.length + message.trailingText.length, text.length)
  edit(message)
  assert.equal(message.clone().text, message.text)
  message.restoreSplices([])
  assert.deepEqual(message.toBytes(), toBytes(text))
  return true
}

function readHeaders(message: SIPMessage): void {
  for (const { values } of message.headers()) {
    for (const value of values) {
      if (typeof value !== 'object' || value === null || !('parameters' in value)) continue
      for (const [name] of value.parameters.entries()) assert.notEqual(value.parameters.get(name), null)
      if ('uri' in value) {
        const uri = value.parsedURI
        if (uri !== null) uriHeaders(uri)
        void value.displayName
      } else if ('branch' in value) void [value.protocol, value.host, value.port, value.received, value.rport]
    }
  }
}

function edit(message: SIPMessage): void {
  message.prependVia('SIP/2.0/UDP 192.0.2.99;branch=z9hG4bK-x')
  assert.equal(message.topVia?.host, '192.0.2.99')
  assert.ok(message.removeFirstVia())
  message.setHeader('Subject', 'fuzz')
  assert.deepEqual(message.getHeaders('Subject'), ['fuzz'])
  message.setBody('fuzz', 'text/plain')
  assert.equal(message.body, 'fuzz')
  if (message.isRequest) message.rewriteRURI('sip:fuzz@example.com')
}
