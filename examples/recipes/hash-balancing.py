"""
Load-balancing by hash: all messages of a call go to one gateway, without any state. By highest random weight: where a
gateway is taken out, only its own calls move.
"""

GATEWAYS = ["sip:192.0.2.11:5060", "sip:192.0.2.12:5060", "sip:192.0.2.13:5060"]


class HashBalancing:
    def child_init(self, rank):
        return 0

    def request_route(self, msg):
        call = msg.CallID
        if call is None:
            return -1
        msg.set_dst_uri(max(GATEWAYS, key=lambda gateway: fnv1a(gateway + " " + call)))
        return 1


# FNV-1a, 32 bits, with a finish that spreads the last characters over all of them.
def fnv1a(text):
    value = 0x811C9DC5
    for character in text:
        value = ((value ^ ord(character)) * 0x01000193) & 0xFFFFFFFF
    value = ((value ^ (value >> 16)) * 0x85EBCA6B) & 0xFFFFFFFF
    return value ^ (value >> 13)


def mod_init():
    return HashBalancing()
