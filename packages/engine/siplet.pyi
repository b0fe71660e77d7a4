"""
Types of the script contract, for editors. This module does not exist at run time: refer to it in type comments, or import
it only under `TYPE_CHECKING`. In a script, `import OpenSIPS` provides the LM_* functions. Section numbers refer to RFC 3261.
"""
from typing import List, Optional, Tuple, Union

Address = Tuple[str, int]

class SIPMsg:
    """
    The SIP message that a method receives. It is valid until the method returns; after that, every member raises
    RuntimeError. A call that raises has changed nothing. Checks are made in this order: stale message (RuntimeError), type
    of message (RuntimeError), types of arguments (TypeError), values (ValueError). No member can be assigned
    (AttributeError).
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
        """The Request-URI, as rewritten so far. Requests only, RuntimeError otherwise. Change it with rewrite_ruri."""
    @property
    def originalRURI(self) -> str:
        """The Request-URI as received. RURI of the OpenSIPS module has this value. Requests only, RuntimeError otherwise."""
    @property
    def Route(self) -> str:
        """REQUEST_ROUTE, ONREPLY_ROUTE, FAILURE_ROUTE or BRANCH_ROUTE."""
    @property
    def src_address(self) -> Address:
        """Source of the message as (ip, port), taken from the socket; IPv6 without brackets."""
    @property
    def dst_address(self) -> Address:
        """Address that received the message, as (ip, port)."""
    @property
    def dst_uri(self) -> Optional[str]:
        """The next hop that set_dst_uri set; None if none was set."""
    @property
    def CallID(self) -> Optional[str]:
        """Call-ID (section 20.8); None if absent. The same applies to the properties below."""
    @property
    def CSeq(self) -> Optional[str]:
        """CSeq (section 20.16), such as "1 INVITE"."""
    @property
    def CSeqMethod(self) -> Optional[str]:
        """The method of CSeq: in a reply, the method that the reply answers."""
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
        """The tag of To (section 19.3); None means that no dialog exists yet."""
    @property
    def body(self) -> str:
        """The body as text, with the length given by Content-Length (section 7.4); "" if there is no body."""
    @property
    def raw(self) -> bytes:
        """The whole message with the edits so far."""

    def copy(self) -> "SIPMsg":
        """Returns an independent copy with the edits so far. Its edits do not affect the message. It becomes invalid together with the original."""
    def rewrite_ruri(self, uri: str) -> None:
        """Replaces the Request-URI. "" restores the received one. Requests only. Raises ValueError if the URI is malformed."""
    def set_dst_uri(self, uri: str) -> None:
        """Sets the next hop. "" clears it. Requests only. Raises ValueError if the URI is malformed."""
    def getHeader(self, name: str) -> Optional[str]:
        """
        Returns the value of the first header line with this name, unfolded, with the edits so far; None if absent. The name
        is case-insensitive, and the compact form is equivalent to the long form (section 7.3.3). Bytes that are not UTF-8
        appear as replacement characters.
        """
    def getHeaderBytes(self, name: str) -> Optional[bytes]:
        """Returns the same value as raw bytes; folds are kept."""
    def getHeaders(self, name: str) -> List[str]:
        """Returns the values of all header lines with this name, in order. A comma-separated line is one entry."""
    def headerNames(self) -> List[str]:
        """Returns the name of every header line, in order, as written."""
    def setHeader(self, name: str, value: str) -> None:
        """Sets a header to one value and removes further headers with this name. Raises ValueError on CR, LF or NUL, and for Content-Length."""
    def appendHeader(self, name: str, value: str) -> None:
        """Adds a header after the last one. Raises the same errors as setHeader."""
    def removeHeader(self, name: str) -> int:
        """Removes all headers with this name and returns the number of removed lines."""
    def setBody(self, text: str, content_type: str) -> None:
        """Replaces the body, and sets Content-Type and Content-Length (in bytes)."""
    def call_function(self, name: str, *args: Union[str, int, float]) -> int:
        """
        Calls a function of the embedder, with up to 8 arguments, and returns its code. The function sees all edits made so
        far, and the script sees the edits of the function afterwards. Raises RuntimeError if the function does not exist,
        fails, or takes too long.
        """
    def get_pseudoVar(self, name: str) -> Optional[str]:
        """Returns the value of a pseudo-variable such as "$fU" or "$hdr(User-Agent)"; None if the message has no such part."""
    def set_pseudoVar(self, name: str, value: str) -> None:
        """Sets $ru, $rU, $rd, $rp or $du. Requests only. Raises ValueError for other variables, or if the result is not a URI."""
