# The `OpenSIPS` module that scripts import: the log functions. The original module provides LM_ERR only.
import _siplet

SIP_REQUEST = "SIP_REQUEST"
SIP_REPLY = "SIP_REPLY"


def _logger(level, write):
    def log(*values):
        write(level, " ".join([str(value) for value in values]))

    return log


# Levels by their place in LOG_LEVELS of wire/verdict.ts.
LM_ALERT = _logger(0, _siplet.log)
LM_CRIT = _logger(1, _siplet.log)
LM_ERR = _logger(2, _siplet.log)
LM_WARN = _logger(3, _siplet.log)
LM_NOTICE = _logger(4, _siplet.log)
LM_INFO = _logger(5, _siplet.log)
LM_DBG = _logger(6, _siplet.log)
