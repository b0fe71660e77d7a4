"""
The routing of handler.ts, as an OpenSIPS handler: some callers are refused, numbers are converted to one form, and
prefixes choose the gateway.
"""
import re

from OpenSIPS import LM_INFO, LM_NOTICE

BLOCKED_CALLERS = ["sip:robocall@example.org"]

# The longest prefix wins.
GATEWAYS = [
    ("+4930", "sip:192.0.2.30:5060"),
    ("+49", "sip:192.0.2.49:5060"),
    ("+", "sip:[2001:db8::99]:5060"),
]

NUMBER = re.compile(r"^sip:([+0-9]+)(@.*)$")


class Router:
    def __init__(self):
        self.rank = 0
        self.calls = 0

    def child_init(self, rank):
        self.rank = rank
        return 0

    # 1: relay, 0: stop (the proxy answers), -1: refuse.
    def request_route(self, msg):
        if msg.Method == "INVITE":
            return self._call(msg)
        if msg.Method in ("REGISTER", "OPTIONS"):
            return 0
        return 1

    def onreply_route(self, msg):
        if int(msg.Status) >= 400:
            LM_INFO("%s was answered with %s %s" % (msg.CSeqMethod, msg.Status, msg.Reason))
        msg.removeHeader("Server")
        return 1

    def _call(self, msg):
        self.calls += 1
        if msg.FromURI in BLOCKED_CALLERS:
            LM_NOTICE("refused call %d of child %d: %s" % (self.calls, self.rank, msg.FromURI))
            return -1
        found = NUMBER.match(msg.RURI)
        if found is None:
            return 1
        number, rest = found.group(1), found.group(2)
        international = "+" + number[2:] if number.startswith("00") else number
        if international != number:
            msg.rewrite_ruri("sip:" + international + rest)
        for prefix, gateway in GATEWAYS:
            if international.startswith(prefix):
                msg.set_dst_uri(gateway)
                msg.setHeader("X-Gateway-Prefix", prefix)
                break
        return 1


def mod_init():
    return Router()
