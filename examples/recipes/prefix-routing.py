"""Number prefix routing: numbers are converted to one form, and the longest prefix chooses the gateway."""
import re

COUNTRY = "+49"

GATEWAYS = {
    "+4930": "sip:192.0.2.30:5060",
    "+49": "sip:192.0.2.49:5060",
    "+": "sip:192.0.2.1:5060",
}
LONGEST_PREFIX = 5

NUMBER = re.compile(r"^sip:(\+?[0-9]+)(@.*)$")


# 00 and 0 are the international and the national prefix. A number without them is an extension and stays unchanged.
def international(dialled):
    if dialled.startswith("00"):
        return "+" + dialled[2:]
    if dialled.startswith("0"):
        return COUNTRY + dialled[1:]
    return dialled


class PrefixRouting:
    def child_init(self, rank):
        return 0

    def request_route(self, msg):
        if msg.Method != "INVITE":
            return 1
        found = NUMBER.match(msg.RURI)
        if found is None:
            return 1  # a name, not a number
        dialled, rest = found.group(1), found.group(2)
        number = international(dialled)
        if number != dialled:
            msg.rewrite_ruri("sip:" + number + rest)
        for length in range(LONGEST_PREFIX, 0, -1):
            gateway = GATEWAYS.get(number[:length])
            if gateway is not None:
                msg.set_dst_uri(gateway)
                return 1
        return -1  # no gateway for this number


def mod_init():
    return PrefixRouting()
