"""A router to two back ends, without a registrar: numbers decide which one is asked first, the other one is asked if
that fails. It is no open relay: what does not come from a back end goes to one. The same as router.ts; with
`script: { file: router.py }` in proxy.yaml."""

BACK_ENDS = ["sip:127.0.0.1:5071", "sip:127.0.0.1:5072"]


class Router:
    def child_init(self, rank):
        return 0

    def request_route(self, msg):
        if msg.call_function("mf_process_maxfwd_header", 10) < 0:
            return msg.call_function("sl_send_reply", 483, "Too Many Hops")
        if msg.call_function("has_totag") > 0:
            return self.within_dialog(msg)
        # The ACKs that belong here have a To tag; an ACK is never answered.
        if msg.Method == "ACK":
            return 0
        if msg.call_function("loose_route") > 0:
            return msg.call_function("sl_send_reply", 403, "Preload Route Denied")
        if msg.Method == "REGISTER":
            return msg.call_function("sl_send_reply", 403, "No Registrar Here")
        if msg.Method == "INVITE":
            msg.call_function("record_route")
            msg.call_function("t_on_failure", "failover")
        msg.set_dst_uri(BACK_ENDS[first(msg.RURI)])
        return msg.call_function("t_relay")

    def within_dialog(self, msg):
        """A request of a dialog, which has the Route that record_route made. Anybody can write a To tag and a Route."""
        routed = msg.call_function("loose_route") > 0
        if routed and is_back_end(msg.src_address):
            return msg.call_function("t_relay")
        hop = msg.getHeader("Route") or msg.RURI
        for uri in BACK_ENDS:
            if routed and uri[4:] in hop:
                msg.set_dst_uri(uri)
                return msg.call_function("t_relay")
        return 0 if msg.Method == "ACK" else msg.call_function("sl_send_reply", 404, "Not Here")

    def failover(self, msg):
        """The other back end, where the first is down or overloaded; who is busy is busy."""
        if msg.call_function("t_check_status", "408|50[0-9]") < 0:
            return 1
        msg.set_dst_uri(BACK_ENDS[1 - first(msg.RURI)])
        msg.call_function("append_branch")
        return msg.call_function("t_relay")

    def onreply_route(self, msg):
        if msg.getHeader("Server") is not None:
            msg.call_function("remove_hf", "Server")
        return 1


def is_back_end(address):
    """Back ends send from the address that they listen at."""
    return "sip:%s:%d" % address in BACK_ENDS


def first(ruri):
    """Even numbers first try back end 0, odd ones back end 1."""
    digits = [c for c in ruri.split("@")[0] if c.isdigit()]
    return int(digits[-1]) % 2 if digits else 0


def mod_init():
    return Router()
