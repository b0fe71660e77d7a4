import { type HeaderParts, reply, request, type SIPMessage } from '@siplet/sipmsg'

interface CommonParts {
  /** URI of From. */
  from?: string
  /** URI of To. Default: the Request-URI. */
  to?: string
  /** Default: a new Call-ID for every message. */
  callId?: string
  /** Number of CSeq. */
  cseq?: number
  /** Further headers. A header that a test message has by default is replaced, even if given in compact form. */
  headers?: HeaderParts
  /** Body. Content-Length is set from the body; pass Content-Type as one of the headers. */
  body?: string | Uint8Array
}

export interface TestRequest extends CommonParts {
  method?: string
  /** Request-URI. */
  uri?: string
}

export interface TestReply extends CommonParts {
  /** Status code, 100 to 699. */
  status: number
  /** Default: the standard reason phrase of the status code. */
  reason?: string
  /** Method of CSeq. */
  method?: string
}

export type TestMessageOptions = TestRequest | TestReply

let made = 0

/**
 * Returns a complete SIP message (RFC 3261 section 8.1.1). Parts that a test does not specify have defaults: without
 * any option, the message is an INVITE to sip:bob@example.com. With `status`, the message is a reply.
 *
 * @throws SIPMessageError if a part is invalid, for example ERR_SIPLET_URI
 */
export function createTestMessage(options: TestMessageOptions = {}): Buffer {
  const id = ++made
  const { headers = [], body = '' } = options
  if (!('status' in options)) return bytes(withHeaders(testRequest(options, id, body), headers))
  const { status, reason } = options
  const answered = testRequest({ ...options, uri: options.to ?? URI }, id, '')
  return bytes(withHeaders(reply(answered, status, { reason, toTag: `to-${id}`, body }), headers))
}

const URI = 'sip:bob@example.com'

function testRequest(
  { method = 'INVITE', uri = URI, from = 'sip:alice@example.com', to = uri, callId, cseq = 1 }: TestRequest,
  id: number,
  body: string | Uint8Array,
): SIPMessage {
  return request({
    method,
    uri,
    headers: [
      ['Via', `SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK-test-${id}`],
      ['From', `<${from}>;tag=from-${id}`],
      ['To', `<${to}>`],
      ['Call-ID', callId ?? `test-${id}@192.0.2.1`],
      ['CSeq', `${cseq} ${method}`],
      ['Contact', '<sip:alice@192.0.2.1:5060>'],
    ],
    body,
  })
}

/** The first header of a name replaces existing ones; further headers of this name are appended. */
function withHeaders(message: SIPMessage, headers: HeaderParts): SIPMessage {
  const replaced = new Set<string>()
  for (const [name, value] of headers) {
    const known = name.toLowerCase()
    if (replaced.has(known)) message.appendHeader(name, value)
    else message.setHeader(name, value)
    replaced.add(known)
  }
  return message
}

function bytes(message: SIPMessage): Buffer {
  return Buffer.from(message.text, 'latin1')
}
