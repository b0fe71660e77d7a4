# Python's side of a child: the SIPMsg that methods receive, and the functions that python-handler.ts calls.
# These functions return None, an integer, or a text that describes an error: code, message and traceback, separated
# by NUL. They never raise.
#
# Everything is inside one function, so assignments of a script in this module or in builtins have no effect here.
import gc
import io
import sys

import _siplet
import OpenSIPS


def _child(
    isinstance=isinstance,
    type=type,
    getattr=getattr,
    callable=callable,
    str=str,
    int=int,
    float=float,
    bytes=bytes,
    tuple=tuple,
    list=list,
    dict=dict,
    len=len,
    zip=zip,
    range=range,
    sorted=sorted,
    dir=dir,
    property=property,
    object=object,
    BaseException=BaseException,
    TypeError=TypeError,
    ValueError=ValueError,
    RuntimeError=RuntimeError,
    AttributeError=AttributeError,
):
    _print_exception = sys.print_exception
    _StringIO = io.StringIO
    _property = _siplet.property
    _getHeader = _siplet.getHeader
    _rewrite_ruri = _siplet.rewrite_ruri
    _set_dst_uri = _siplet.set_dst_uri
    _set_number = object.__setattr__
    _MISSING = object()

    # The garbage collector runs only between two calls, and only after this many bytes were allocated.
    gc.threshold(262144)

    def _fail(member, parameters=(), args=()):
        code = _siplet.failureCode()
        text = _siplet.failureText()
        if code == "ERR_SIPLET_ARGUMENTS" and member != "call_function":
            given = [arg for arg in args if arg is not _MISSING]
            if len(given) != len(parameters):
                text = "%s(%s) takes %d argument%s, not %d" % (
                    member, ", ".join(parameters), len(parameters), "" if len(parameters) == 1 else "s", len(given),
                )
            else:
                for name, arg in zip(parameters, given):
                    if not isinstance(arg, str):
                        text = "%s(): %s must be str, not %s" % (member, name, type(arg).__name__)
                        break
            raise TypeError(text)
        if code == "ERR_SIPLET_STALE_MESSAGE" and not text.startswith(member):
            text = member + ": " + text
        if code in _VALUE_ERRORS:
            raise ValueError(text)
        raise RuntimeError(text)

    _VALUE_ERRORS = (
        "ERR_SIPLET_URI",
        "ERR_SIPLET_HEADER_NAME",
        "ERR_SIPLET_INJECTION",
        "ERR_SIPLET_CONTENT_LENGTH",
        "ERR_SIPLET_PSEUDO_VARIABLE",
    )

    def _read_only(name):
        way = _WAYS.get(name)

        def set(self, value):
            raise AttributeError("%s cannot be assigned%s" % (name, ": use " + way if way else ""))

        return set

    def _reader(index, name):
        def get(self):
            value = _property(self._number, index)
            if value is False:
                _fail(name)
            return value

        return property(get, _read_only(name))

    def _list(count):
        return [_siplet.item(index) for index in range(count)]

    def _address(text):
        ip, port = text.split(" ")
        return (ip, int(port))

    _WAYS = {"RURI": "rewrite_ruri(uri)", "dst_uri": "set_dst_uri(uri)", "body": "setBody(text, content_type)"}

    class SIPMsg:
        def __init__(self, number):
            _set_number(self, "_number", number)

        def __setattr__(self, name, value):
            raise AttributeError("SIPMsg has no attribute %s that could be assigned" % name)

        def __delattr__(self, name):
            raise AttributeError("%s cannot be deleted" % name)

        # The numbers are indexes in PROPERTIES of messages.ts.
        Type = _reader(0, "Type")
        Method = _reader(1, "Method")
        Status = _reader(2, "Status")
        Reason = _reader(3, "Reason")
        RURI = _reader(4, "RURI")
        originalRURI = _reader(5, "originalRURI")
        Route = _reader(6, "Route")
        dst_uri = _reader(7, "dst_uri")
        CallID = _reader(8, "CallID")
        CSeq = _reader(9, "CSeq")
        CSeqMethod = _reader(10, "CSeqMethod")
        FromURI = _reader(11, "FromURI")
        FromTag = _reader(12, "FromTag")
        ToURI = _reader(13, "ToURI")
        ToTag = _reader(14, "ToTag")
        body = _reader(15, "body")

        @property
        def src_address(self):
            address = _siplet.src_address(self._number)
            if address is False:
                _fail("src_address")
            return _address(address)

        @property
        def dst_address(self):
            address = _siplet.dst_address(self._number)
            if address is False:
                _fail("dst_address")
            return _address(address)

        @property
        def raw(self):
            text = _siplet.raw(self._number)
            if text is False:
                _fail("raw")
            return text.encode()

        def copy(self, *args):
            number = _siplet.copy(self._number)
            if number is False:
                _fail("copy()")
            if args:
                raise TypeError("copy() takes no arguments, not %d" % len(args))
            return SIPMsg(number)

        def rewrite_ruri(self, uri=_MISSING, *more):
            if _rewrite_ruri(self._number, _MISSING if more else uri) is False:
                _fail("rewrite_ruri", ("uri",), (uri,) + more)

        def set_dst_uri(self, uri=_MISSING, *more):
            if _set_dst_uri(self._number, _MISSING if more else uri) is False:
                _fail("set_dst_uri", ("uri",), (uri,) + more)

        def getHeader(self, name=_MISSING, *more):
            value = _getHeader(self._number, _MISSING if more else name)
            if value is False:
                _fail("getHeader", ("name",), (name,) + more)
            return value

        def getHeaderBytes(self, *args):
            value = _siplet.getHeaderBytes(self._number, *args)
            if value is False:
                _fail("getHeaderBytes", ("name",), args)
            return None if value is None else value.encode()

        def getHeaders(self, *args):
            count = _siplet.getHeaders(self._number, *args)
            if count is False:
                _fail("getHeaders", ("name",), args)
            return _list(count)

        def headerNames(self):
            count = _siplet.headerNames(self._number)
            if count is False:
                _fail("headerNames()")
            return _list(count)

        def setHeader(self, *args):
            if _siplet.setHeader(self._number, *args) is False:
                _fail("setHeader", ("name", "value"), args)

        def appendHeader(self, *args):
            if _siplet.appendHeader(self._number, *args) is False:
                _fail("appendHeader", ("name", "value"), args)

        def removeHeader(self, *args):
            count = _siplet.removeHeader(self._number, *args)
            if count is False:
                _fail("removeHeader", ("name",), args)
            return count

        def setBody(self, *args):
            if _siplet.setBody(self._number, *args) is False:
                _fail("setBody", ("text", "content_type"), args)

        def call_function(self, *args):
            code = _siplet.call_function(self._number, *[_argument(arg) for arg in args])
            if code is False:
                _fail("call_function")
            return code

        def get_pseudoVar(self, *args):
            value = _siplet.get_pseudoVar(self._number, *args)
            if value is False:
                _fail("get_pseudoVar", ("name",), args)
            return value

        def set_pseudoVar(self, *args):
            if _siplet.set_pseudoVar(self._number, *args) is False:
                _fail("set_pseudoVar", ("name", "value"), args)

    # Integers of more than 32 bits cross as floats, which are exact up to 2 ** 53.
    def _argument(value):
        if value is True or value is False:
            return int(value)
        if isinstance(value, int) and not -2147483648 <= value <= 2147483647:
            if not -9007199254740992 <= value <= 9007199254740992:
                raise RuntimeError("call_function(): %d is too large, pass it as str" % value)
            return float(value)
        return value

    _module = None
    _handler = None

    def load(path, name):
        nonlocal _module
        try:
            sys.path[:] = [path.rsplit("/", 1)[0] or "/", ".frozen"]
            _module = __import__(name)
        except BaseException as error:
            return _described(error)

    def init_module(name):
        nonlocal _handler
        try:
            mod_init = getattr(_module, name, None)
            if not callable(mod_init):
                what = "not defined" if mod_init is None else "of type " + type(mod_init).__name__
                return _refusal("", "%s is %s; it must be a function of the script" % (name, what))
            handler = mod_init()
            if handler is None or isinstance(handler, (int, float, str, bytes, tuple, list, dict, _GENERATOR)):
                return _refusal(
                    "", "%s() must return the object whose methods handle messages, not %s" % (name, _shown(handler))
                )
            _handler = handler
        except BaseException as error:
            return _described(error)

    def init_child(name, rank):
        try:
            method = getattr(_handler, name, None)
            if not callable(method):
                return _refusal(
                    "",
                    "the object of mod_init has no method %s: add one that returns 0, or name another with childInitMethod (--child-init)" % name,
                )
            result = method(rank)
            if result is True or result is False:
                result = int(result)
            if not isinstance(result, int):
                return _refusal("", "%s(%d) must return an integer >= 0, not %s; end it with: return 0" % (name, rank, _shown(result)))
            if result < 0:
                return _refusal("", "%s(%d) returned %d: a negative value refuses the start" % (name, rank, result))
        except BaseException as error:
            return _described(error)

    def methods():
        try:
            names = [name for name in dir(_handler) if not name.startswith("_")]
            return "\0".join(sorted([name for name in names if callable(getattr(_handler, name, None))]))
        except BaseException:
            return ""

    # A call creates a generator, as with a function that contains yield: MicroPython implements `async def` in this
    # way.
    _ASYNC = type(lambda: (yield))
    _GENERATOR = type((lambda: (yield))())

    def async_methods():
        try:
            kind = type(_handler)
            return "\0".join([
                name for name in methods().split("\0")
                # A bound method does not reveal this. The function in the class does, or the function in the object
                # itself.
                if type(getattr(kind, name, None)) is _ASYNC or type(getattr(_handler, name, None)) is _ASYNC
            ])
        except BaseException:
            return ""

    def call(name, number, extra):
        try:
            method = getattr(_handler, name, None)
            if not callable(method):
                return _refusal("ERR_SIPLET_METHOD_NOT_FOUND", "the object of mod_init has no method %s" % name)
            msg = SIPMsg(number)
            result = method(msg) if extra is None else method(msg, extra)
            # In MicroPython, bool is not a subclass of int.
            if result is True or result is False:
                return int(result)
            if isinstance(result, int) and -2147483648 <= result <= 2147483647:
                return result
            return _refusal("ERR_SIPLET_RETURN_TYPE", "%s() must return a 32-bit integer, not %s" % (name, _shown(result)))
        except BaseException as error:
            return _described(error)

    def _refusal(code, message):
        return code + "\0" + message + "\0"

    def _described(error):
        kind = type(error).__name__
        try:
            text = str(error)
        except BaseException:
            text = "an error whose text cannot be read"
        try:
            trace = _StringIO()
            _print_exception(error, trace)
            trace = trace.getvalue()
        except BaseException:
            trace = ""
        message = kind + ": " + text if text else kind
        return "\0".join(["ERR_SIPLET_SCRIPT", message.replace("\0", "\\0"), trace.replace("\0", "\\0")])

    def _shown(value):
        if value is None:
            return "None"
        if isinstance(value, (int, float)):
            return "the number %s" % value
        if type(value) is _GENERATOR:
            return "a generator: drop async, or yield"
        return type(value).__name__

    return load, init_module, init_child, methods, async_methods, call


load, init_module, init_child, methods, async_methods, call = _child()
del _child
