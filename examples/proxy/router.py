"""A router to two back ends, without a registrar: numbers decide which one is asked first, the other one is asked
where that fails. The same as router.ts; with `script: { file: router.py }` in proxy.yaml."""

BACK_ENDS = ["sip:127.0.0.1:5071", "sip:127.0.0.1:5072"]


class Router:
    def child_init(self, rank):
        return 0

    def request_route(self, msg):
        if msg.call_function("mf_process_maxfwd_header", 10) < 0:
            return msg.call_function("sl_send_reply", 483, "Too Many Hops")
        if msg.call_function("loose_route") > 0:
            return msg.call_function("t_relay")
        if msg.ToTag is not None and msg.Method != "ACK":
            return msg.call_function("sl_send_reply", 404, "Not Here")
        if msg.Method == "REGISTER":
            return msg.call_function("sl_send_reply", 403, "No Registrar Here")
        if msg.Method == "INVITE":
            msg.call_function("record_route")
            msg.call_function("t_on_failure", "failover")
        msg.set_dst_uri(BACK_ENDS[first(msg.RURI)])
        return msg.call_function("t_relay")

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


def first(ruri):
    """Even numbers first try back end 0, odd ones back end 1."""
    digits = [c for c in ruri.split("@")[0] if c.isdigit()]
    return int(digits[-1]) % 2 if digits else 0


def mod_init():
    return Router()
