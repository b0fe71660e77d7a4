"""Caller screening: blocks callers by URI, by domain or by source network, and anonymous callers without a trunk."""
from OpenSIPS import LM_NOTICE

BLOCKED_URIS = {"sip:robocall@example.org"}
BLOCKED_DOMAINS = {"spam.example"}
# Prefixes of addresses.
BLOCKED_NETWORKS = ("203.0.113.",)
# Carriers that may send anonymous calls.
TRUNKS = {"192.0.2.30"}


class CallerScreening:
    def child_init(self, rank):
        return 0

    def request_route(self, msg):
        if msg.Method != "INVITE":
            return 1
        ip, _ = msg.src_address
        caller = (msg.get_pseudoVar("$fU") or "").lower()
        domain = (msg.get_pseudoVar("$fd") or "").lower()
        if any([ip.startswith(network) for network in BLOCKED_NETWORKS]):
            return self._refuse(msg, "network")
        if "sip:%s@%s" % (caller, domain) in BLOCKED_URIS:
            return self._refuse(msg, "caller")
        if domain in BLOCKED_DOMAINS:
            return self._refuse(msg, "domain")
        # RFC 3261 section 8.1.1.3; RFC 3323 section 4.1
        anonymous = caller == "anonymous" or domain == "anonymous.invalid"
        if anonymous and ip not in TRUNKS:
            return self._refuse(msg, "anonymous")
        msg.removeHeader("X-Screening")  # only this script may set it
        msg.appendHeader("X-Screening", "passed")
        return 1

    def _refuse(self, msg, reason):
        LM_NOTICE("refused %s from %s: %s" % (msg.FromURI, msg.src_address[0], reason))
        return -1


def mod_init():
    return CallerScreening()
