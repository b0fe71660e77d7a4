import OpenSIPS

# For editors, which take it for True: siplet.pyi explains every member of msg, and does not exist at run time.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from siplet import SIPMsg

GATEWAY = 'sip:192.0.2.49:5060'


class Router:
    def __init__(self):
        self.calls = 0  # state lives as long as the child, and is its own

    def child_init(self, rank: int) -> int:
        OpenSIPS.LM_INFO('child %d is ready' % rank)  # shown with --log-level info
        return 0

    # > 0: relay, 0: stop, < 0: refuse
    def request_route(self, msg: 'SIPMsg') -> int:
        if msg.Method != 'INVITE':
            return 1
        self.calls += 1
        if msg.getHeader('User-Agent') == 'friendly-scanner':
            return -1
        if msg.RURI.startswith('sip:00'):
            msg.rewrite_ruri(msg.RURI.replace('sip:00', 'sip:+'))
        msg.set_dst_uri(GATEWAY)
        return 1

    def onreply_route(self, msg: 'SIPMsg') -> int:
        if int(msg.Status) >= 500:
            OpenSIPS.LM_WARN('answered with %s' % msg.Status)
        return 1


def mod_init():
    return Router()
