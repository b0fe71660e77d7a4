"""The work of route.js, for app_python3."""
import KSR


class Handler:
    def child_init(self, rank):
        return 0

    def noop(self, msg):
        return 1

    def work(self, msg):
        method = KSR.pv.get("$rm")
        uri = KSR.pv.get("$ru")
        account = KSR.pv.get("$hdr(X-Account)")
        if method == "INVITE" and uri and account.startswith("gold"):
            KSR.pv.sets("$ru", "sip:9" + KSR.pv.get("$oU") + "@127.0.0.1:5090")
            KSR.pv.sets("$du", "sip:127.0.0.1:5099")
        return 1


def mod_init():
    return Handler()
