// The work of route.js, for app_jsdt (Duktape: ECMAScript 5).
/* global KSR */
/* biome-ignore-all lint: ECMAScript 5, called by Kamailio */
function noop() {
  return 1
}

function work() {
  var method = KSR.pv.get('$rm')
  var uri = KSR.pv.get('$ru')
  var account = KSR.pv.get('$hdr(X-Account)')
  if (method === 'INVITE' && uri && account.substr(0, 4) === 'gold') {
    KSR.pv.sets('$ru', 'sip:9' + KSR.pv.get('$oU') + '@127.0.0.1:5090')
    KSR.pv.sets('$du', 'sip:127.0.0.1:5099')
  }
  return 1
}
