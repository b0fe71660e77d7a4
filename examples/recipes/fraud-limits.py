"""
Fraud limits per caller: a number of calls per time window, and fewer to premium numbers. The counters are part of the
child's state. The calls of one caller may be run by several children, so each limit applies per child.
"""
import time
from collections import deque

from OpenSIPS import LM_WARN

WINDOW_S = 60
MAX_CALLS = 5
PREMIUM = ("+49900", "+1900")
MAX_PREMIUM_CALLS = 2
# Upper bound on remembered callers. Beyond it, the oldest is forgotten, so memory stays bounded.
MAX_CALLERS = 10000


class FraudLimits:
    def __init__(self):
        self.calls = {}  # caller: list of (time, premium)
        self.seen = deque((), MAX_CALLERS)

    def child_init(self, rank):
        return 0

    def request_route(self, msg):
        # A re-INVITE has a tag in To (RFC 3261 section 12.2). It is not a new call.
        if msg.Method != "INVITE" or msg.ToTag is not None:
            return 1
        caller = msg.FromURI or msg.src_address[0]
        now = time.time()
        calls = [call for call in self.calls.get(caller, []) if now - call[0] < WINDOW_S]
        number = msg.get_pseudoVar("$rU") or ""
        premium = any([number.startswith(prefix) for prefix in PREMIUM])
        premium_calls = len([call for call in calls if call[1]])
        if len(calls) >= MAX_CALLS or (premium and premium_calls >= MAX_PREMIUM_CALLS):
            LM_WARN(
                "%s: %d calls, %d premium, within a minute: %s refused" % (caller, len(calls), premium_calls, number)
            )
            return -1
        calls.append((now, premium))
        self._remember(caller, calls)
        return 1

    def _remember(self, caller, calls):
        if caller not in self.calls:
            if len(self.seen) >= MAX_CALLERS:
                del self.calls[self.seen.popleft()]
            self.seen.append(caller)
        self.calls[caller] = calls


def mod_init():
    return FraudLimits()
