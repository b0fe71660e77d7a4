-- The work of route.js, for app_lua.
function noop()
  return 1
end

function work()
  local method = KSR.pv.get("$rm")
  local uri = KSR.pv.get("$ru")
  local account = KSR.pv.get("$hdr(X-Account)")
  if method == "INVITE" and uri and string.sub(account, 1, 4) == "gold" then
    KSR.pv.sets("$ru", "sip:9" .. KSR.pv.get("$oU") .. "@127.0.0.1:5090")
    KSR.pv.sets("$du", "sip:127.0.0.1:5099")
  end
  return 1
end
