"""
Header-based A/B routing: testers choose a platform with X-Platform, and some user agents stay on the old one. A fixed
share of all other callers uses the new platform; each caller always uses the same one.
"""
import re

PLATFORMS = {"old": "sip:192.0.2.21:5060", "new": "sip:192.0.2.22:5060"}
# User agents that do not work on the new platform.
OLD_ONLY = re.compile(r"^OldPhone/[12]\.")
# Percentage of callers.
SHARE_OF_NEW = 20


class HeaderABRouting:
    def child_init(self, rank):
        return 0

    def request_route(self, msg):
        platform = self._platform(msg)
        msg.set_dst_uri(PLATFORMS[platform])
        msg.setHeader("X-Platform", platform)  # so that later hops and logs see it
        return 1

    def _platform(self, msg):
        if OLD_ONLY.match(msg.getHeader("User-Agent") or ""):
            return "old"
        wanted = msg.getHeader("X-Platform")
        if wanted in PLATFORMS:
            return wanted
        return "new" if percentile(msg.FromURI or "") < SHARE_OF_NEW else "old"


# Returns 0 to 99, always the same for the same text.
def percentile(text):
    value = 0
    for character in text:
        value = (value * 31 + ord(character)) % 1000003
    return value % 100


def mod_init():
    return HeaderABRouting()
