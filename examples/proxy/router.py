"""A router to two back ends, without a registrar. Numbers decide which back end is tried first; if that fails, the other
one is tried. It is not an open relay: a request that does not come from a back end is sent to a back end. The same as
router.ts. To use it, write `script: { file: router.py }` in proxy.yaml."""

BACK_ENDS = ["sip:127.0.0.1:5071", "sip:127.0.0.1:5072"]


class Router:
    def child_init(self, rank):
        return 0

    def request_route(self, msg):
        if msg.call_function("mf_process_maxfwd_header", 10) < 0:
            return msg.call_function("sl_send_reply", 483, "Too Many Hops")
        if msg.call_function("has_totag") > 0:
            return self.within_dialog(msg)
        # An ACK that belongs to a dialog has a To tag. An ACK is never answered.
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
        """Routes a request of a dialog. It has the Route that record_route added. Anybody can write a To tag and a Route."""
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
        """Tries the other back end if the first one is down or overloaded. If the callee is busy, does nothing."""
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
    """Returns whether the address is that of a back end. Back ends send from the address at which they listen."""
    return "sip:%s:%d" % address in BACK_ENDS


def first(ruri):
    """Returns the back end to try first: 0 for even numbers, 1 for odd numbers."""
    digits = [c for c in ruri.split("@")[0] if c.isdigit()]
    return int(digits[-1]) % 2 if digits else 0


def mod_init():
    return Router()
