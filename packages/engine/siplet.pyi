"""
The script contract for editors. Nothing of it exists at run time: name it in comments, or import it where a script
never runs it. In the script, `import OpenSIPS` has the LM_* functions. Sections are those of RFC 3261.
"""
from typing import List, Optional, Tuple, Union

Address = Tuple[str, int]

class SIPMsg:
    """
    The SIP message a method is called with, until the method returns; after that every member raises RuntimeError.
    What raises has changed nothing. Checked in this order: stale (RuntimeError), type of message (RuntimeError),
    arguments (TypeError), values (ValueError). No member can be assigned (AttributeError).
    """

    @property
    def Type(self) -> str:
        """"SIP_REQUEST" or "SIP_REPLY"."""
    @property
    def Method(self) -> str:
        """The method as written (section 7.1). Requests only, RuntimeError otherwise; CSeqMethod works on both."""
    @property
    def Status(self) -> str:
        """The status code, such as "200" (section 7.2). Replies only, RuntimeError otherwise."""
    @property
    def Reason(self) -> str:
        """The reason phrase. Replies only, RuntimeError otherwise."""
    @property
    def RURI(self) -> str:
        """The Request-URI as rewritten. Requests only, RuntimeError otherwise. Change it with rewrite_ruri."""
    @property
    def originalRURI(self) -> str:
        """The Request-URI as received: what RURI is in the OpenSIPS module. Requests only, RuntimeError otherwise."""
    @property
    def Route(self) -> str:
        """REQUEST_ROUTE, ONREPLY_ROUTE, FAILURE_ROUTE or BRANCH_ROUTE."""
    @property
    def src_address(self) -> Address:
        """(ip, port) of the socket the message came from; IPv6 without brackets."""
    @property
    def dst_address(self) -> Address:
        """(ip, port) it came in on."""
    @property
    def dst_uri(self) -> Optional[str]:
        """The next hop that set_dst_uri set; None without one."""
    @property
    def CallID(self) -> Optional[str]:
        """Call-ID (section 20.8); None when absent, as are those below."""
    @property
    def CSeq(self) -> Optional[str]:
        """CSeq (section 20.16), such as "1 INVITE"."""
    @property
    def CSeqMethod(self) -> Optional[str]:
        """The method of CSeq: what a reply answers."""
    @property
    def FromURI(self) -> Optional[str]:
        """The URI of From (section 20.20), without display name and parameters."""
    @property
    def FromTag(self) -> Optional[str]:
        """The tag of From (section 19.3)."""
    @property
    def ToURI(self) -> Optional[str]:
        """The URI of To (section 20.39), without display name and parameters."""
    @property
    def ToTag(self) -> Optional[str]:
        """The tag of To (section 19.3); None where there is no dialog yet."""
    @property
    def body(self) -> str:
        """The body as text, as long as Content-Length says (section 7.4); "" without one."""
    @property
    def raw(self) -> bytes:
        """The whole message as it is now."""

    def copy(self) -> "SIPMsg":
        """An independent copy, edits included. Its edits do not go out, and it ends with the original."""
    def rewrite_ruri(self, uri: str) -> None:
        """Replaces the Request-URI; "" reverts to the received one. Requests only. ValueError where it is malformed."""
    def set_dst_uri(self, uri: str) -> None:
        """Sets the next hop; "" clears it. Requests only. ValueError where it is malformed."""
    def getHeader(self, name: str) -> Optional[str]:
        """
        Value of the first header line of that name, unfolded, edits included; None when absent. Case does not matter,
        compact and long forms are one name (section 7.3.3). Bytes that are no UTF-8 come as replacement characters.
        """
    def getHeaderBytes(self, name: str) -> Optional[bytes]:
        """The same, but raw, folds as they are."""
    def getHeaders(self, name: str) -> List[str]:
        """Values of all header lines of that name, in order; a comma-separated line is one entry."""
    def headerNames(self) -> List[str]:
        """Name of every header line, in order, as written."""
    def setHeader(self, name: str, value: str) -> None:
        """Leaves one header of that name, with this value. ValueError on CR, LF or NUL, and on Content-Length."""
    def appendHeader(self, name: str, value: str) -> None:
        """Adds a header behind the last one. Raises what setHeader raises."""
    def removeHeader(self, name: str) -> int:
        """Removes all headers of that name; returns how many header lines that were."""
    def setBody(self, text: str, content_type: str) -> None:
        """Replaces the body; Content-Type and Content-Length (bytes) follow."""
    def call_function(self, name: str, *args: Union[str, int, float]) -> int:
        """
        Calls a function of the embedder, with up to 8 arguments; returns its code. It sees every edit so far, and its own
        are here afterwards. RuntimeError where there is no such function, it failed, or took too long.
        """
    def get_pseudoVar(self, name: str) -> Optional[str]:
        """Value of a pseudo-variable such as "$fU" or "$hdr(User-Agent)"; None where there is no such part."""
    def set_pseudoVar(self, name: str, value: str) -> None:
        """Sets $ru, $rU, $rd, $rp or $du. Requests only. ValueError where it cannot be set, or the outcome is no URI."""
