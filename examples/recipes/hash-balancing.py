"""
Load balancing by hash: all messages of a call are sent to one gateway, without any state. The gateway with the highest
random weight is chosen, so removing a gateway moves only its own calls.
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


# FNV-1a with 32 bits, and a final step that spreads the last characters over all bits.
def fnv1a(text):
    value = 0x811C9DC5
    for character in text:
        value = ((value ^ ord(character)) * 0x01000193) & 0xFFFFFFFF
    value = ((value ^ (value >> 16)) * 0x85EBCA6B) & 0xFFFFFFFF
    return value ^ (value >> 13)


def mod_init():
    return HashBalancing()
