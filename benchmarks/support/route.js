/** The work of one script call, the same for every peer: read method, Request-URI and a header; rewrite, set the next hop. */
class Handler {
  child_init() {
    return 0
  }

  route(msg) {
    const { Method: method, RURI: uri } = msg
    if (method === 'INVITE' && msg.getHeader('X-Account').startsWith('gold')) {
      msg.rewrite_ruri(`sip:9${uri.slice('sip:'.length, uri.indexOf('@'))}@127.0.0.1:5090`)
      msg.set_dst_uri('sip:127.0.0.1:5099')
    }
    return 1
  }

  empty() {
    return 1
  }

  calls(msg) {
    return msg.call_function('answer', 1)
  }
}

// biome-ignore lint/correctness/noUnusedVariables: siplet calls it
function mod_init() {
  return new Handler()
}
