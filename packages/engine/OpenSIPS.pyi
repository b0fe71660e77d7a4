"""The module that `import OpenSIPS` provides in a script: the log functions, and the values of SIPMsg.Type."""

SIP_REQUEST: str
SIP_REPLY: str

def LM_ALERT(*values: object) -> None:
    """Logs at the level alert: the values as text, separated by spaces. The OpenSIPS module has only LM_ERR."""

def LM_CRIT(*values: object) -> None:
    """Logs at the level crit."""

def LM_ERR(*values: object) -> None:
    """Logs at the level err."""

def LM_WARN(*values: object) -> None:
    """Logs at the level warn."""

def LM_NOTICE(*values: object) -> None:
    """Logs at the level notice; shown as info."""

def LM_INFO(*values: object) -> None:
    """Logs at the level info."""

def LM_DBG(*values: object) -> None:
    """Logs at the level debug."""
