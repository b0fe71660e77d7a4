"""
Header-based A/B routing: testers choose the new platform with X-Platform, some user agents stay on the old one, and
of everybody else a fixed share of callers goes to the new one, each always to the same.
"""
import re

PLATFORMS = {"old": "sip:192.0.2.21:5060", "new": "sip:192.0.2.22:5060"}
# User agents that are known to fail on the new one.
OLD_ONLY = re.compile(r"^OldPhone/[12]\.")
# Percent of the callers.
SHARE_OF_NEW = 20


class HeaderABRouting:
    def child_init(self, rank):
        return 0

    def request_route(self, msg):
        platform = self._platform(msg)
        msg.set_dst_uri(PLATFORMS[platform])
        msg.setHeader("X-Platform", platform)  # so that later hops, and logs, know
        return 1

    def _platform(self, msg):
        if OLD_ONLY.match(msg.getHeader("User-Agent") or ""):
            return "old"
        wanted = msg.getHeader("X-Platform")
        if wanted in PLATFORMS:
            return wanted
        return "new" if percentile(msg.FromURI or "") < SHARE_OF_NEW else "old"


# 0 to 99, always the same for one text.
def percentile(text):
    value = 0
    for character in text:
        value = (value * 31 + ord(character)) % 1000003
    return value % 100


def mod_init():
    return HeaderABRouting()
