/** Scripts that try to send something that is not a SIP message, or not a result. */
import { type Kind, RETURN, SCRIPT, TOO_LARGE } from '../attack.ts'

export const FORGERY: Kind = {
  title: 'forges edits and results, with CR LF and the like',
  attacks: {
    JavaScript: [
      {
        name: 'a private member called on something else',
        attack: "return Object.getPrototypeOf(msg).getHeader.call({}, 'Subject')",
        expect: SCRIPT,
      },
      {
        name: 'CR LF in every argument',
        attack:
          "let n = 0; for (const f of [() => msg.setHeader('X', 'a\\r\\nB: c'), () => msg.setHeader('X\\r\\nB', 'c'), () => msg.appendHeader('X', 'a\\nB: c'), () => msg.rewrite_ruri('sip:a@b\\r\\nX: y'), () => msg.set_dst_uri('sip:a\\r\\n'), () => msg.setBody('x', 'text/plain\\r\\nX: y'), () => msg.removeHeader('a\\r\\nb') && 0]) { try { f() } catch { n++ } } return n >= 6 && msg.raw.includes('\\nB: c') === false ? 1 : 2",
        expect: 1,
      },
      {
        name: 'CR alone, LF alone, NUL, NEL and line separators in every argument',
        attack: `
for (const c of ['\\r', '\\n', '\\0', '\\u0085', '\\u2028', '\\u2029', '\\u000b', '\\u000c', '\\r\\n ', '\\n\\t'])
  for (const f of [() => msg.setHeader('X', 'a' + c + 'B: c'), () => msg.setHeader('X' + c, 'c'), () => msg.appendHeader('Y', c), () => msg.appendHeader(c, 'x'),
    () => msg.rewrite_ruri('sip:a' + c + '@b'), () => msg.set_dst_uri('sip:a' + c), () => msg.setBody('x', 'text/' + c), () => msg.set_pseudoVar('$rU', c), () => msg.set_pseudoVar('$ru', 'sip:' + c)])
    try { f() } catch {}
return 1`,
        expect: 1,
      },
      {
        name: 'characters whose low byte is CR or LF',
        attack: `
for (const c of ['\\u010d\\u010a', '\\u0a0d', '\\u0d0a', '\\uff0d\\uff0a', '\\u560a', '\\u560d'])
  for (const f of [() => msg.setHeader('X', c), () => msg.appendHeader('Y', c + 'B: c'), () => msg.rewrite_ruri('sip:a@b;x=' + c), () => msg.set_dst_uri('sip:a;x=' + c), () => msg.setBody(c, 'text/plain'), () => msg.setBody('x', 'text/plain;x=' + c)])
    try { f() } catch {}
return 1`,
        expect: 1,
      },
      {
        name: 'every character as a header name',
        attack:
          "for (let c = 0; c < 512; c++) for (const n of [String.fromCharCode(c), 'X' + String.fromCharCode(c), String.fromCharCode(c) + 'X']) try { msg.appendHeader(n, 'v') } catch {} return 1",
        expect: 1,
        limits: { timeoutMs: 10_000, maxResultBytes: 262_144 },
      },
      {
        name: 'every character in a URI',
        attack:
          "for (let c = 0; c < 512; c++) { try { msg.rewrite_ruri('sip:' + String.fromCharCode(c) + '@example.net') } catch {} try { msg.set_dst_uri('sip:a' + String.fromCharCode(c) + '.net') } catch {} } return 1",
        expect: 1,
        limits: { timeoutMs: 10_000 },
      },
      {
        name: 'a Request-URI that holds a version',
        attack: "try { msg.rewrite_ruri('sip:a@b SIP/2.0') } catch { return 1 } return 2",
        expect: 1,
      },
      { name: 'an empty Request-URI', attack: "msg.rewrite_ruri(''); return 1", expect: [1, SCRIPT] },
      { name: 'a URI of blanks', attack: "msg.set_dst_uri(' '); return 1", expect: SCRIPT },
      {
        name: 'a URI of another scheme',
        attack: "msg.rewrite_ruri('javascript:alert(1)'); return 1",
        expect: [SCRIPT, 1],
      },
      { name: 'an empty header name', attack: "msg.setHeader('', 'x'); return 1", expect: SCRIPT },
      { name: 'a header name with a colon', attack: "msg.setHeader('X: y', 'z'); return 1", expect: SCRIPT },
      {
        name: 'a header value of blanks only',
        attack: "msg.setHeader('X', '  \\t '); return 1",
        expect: [1, SCRIPT],
      },
      {
        name: 'an exotic string as argument',
        attack: "try { msg.setHeader(new String('X'), 'y'); return 2 } catch { return 1 }",
        expect: 1,
      },
      {
        name: 'arguments of every other type',
        attack: `
let n = 0
const odd = [undefined, null, true, 1, -0, NaN, 1n, Symbol('x'), {}, [], () => 1, new Proxy({}, { get() { throw 1 } }), new String('x'), { toString: () => 'x' }]
for (const name of ['rewrite_ruri', 'set_dst_uri', 'getHeader', 'getHeaders', 'getHeaderBytes', 'removeHeader', 'get_pseudoVar'])
  for (const o of odd) try { msg[name](o); n++ } catch (e) { if (e.code !== 'ERR_SIPLET_ARGUMENTS') n++ }
for (const name of ['setHeader', 'appendHeader', 'setBody', 'set_pseudoVar'])
  for (const o of odd) { try { msg[name](o, 'x'); n++ } catch {} try { msg[name]('x', o); n++ } catch {} }
return n`,
        expect: 0,
      },
      {
        name: 'lone surrogates and NUL',
        attack: "try { msg.setHeader('X', 'a\\u0000b') } catch {} msg.setHeader('Y', '\\ud800'); return 1",
        expect: [SCRIPT, 1],
      },
      {
        name: 'lone surrogates everywhere',
        attack:
          "for (const f of [() => msg.setBody('\\udc00\\ud800', 'text/plain'), () => msg.appendHeader('X', 'a\\udfffb'), () => msg.rewrite_ruri('sip:\\ud800@b'), () => msg.set_dst_uri('sip:\\udc00'), () => LM_INFO('\\ud800')]) try { f() } catch {} return 1",
        expect: 1,
      },
      {
        name: 'bytes that are no UTF-8, read and written back',
        attack:
          "msg.setBody('\\u00ff\\u00fe\\u0080', 'text/plain'); msg.setHeader('X', msg.body); msg.setBody(msg.raw, 'message/sip'); return 1",
        expect: [1, SCRIPT],
      },
      {
        name: 'Content-Length forged',
        attack: "msg.setHeader('Content-Length', '0'); return 1",
        expect: SCRIPT,
      },
      {
        name: 'Content-Length forged by other names',
        attack:
          "let n = 0; for (const k of ['l', 'L', 'content-length', 'CONTENT-LENGTH', 'Content-Length ', ' Content-Length', 'Content-Length\\t']) for (const f of ['setHeader', 'appendHeader']) try { msg[f](k, '99') } catch { n++ } try { msg.removeHeader('l') } catch { n++ } return n >= 14 ? 1 : 2",
        expect: 1,
      },
      {
        name: 'Content-Length of a body of surrogates',
        attack: "msg.setBody('\\ud83d\\ude00'.repeat(100), 'text/plain'); return 1",
        expect: 1,
      },
      {
        name: 'a body that looks like another message',
        attack:
          "msg.setBody('\\r\\n\\r\\nINVITE sip:evil@example.net SIP/2.0\\r\\n\\r\\n', 'text/plain'); return 1",
        expect: 1,
      },
      {
        name: 'edits on a copy, and on copies of copies',
        attack:
          "const c = msg.copy(); c.setHeader('Evil', 'x'); c.copy().rewrite_ruri('sip:evil@example.net'); return msg.getHeader('Evil') === null && msg.RURI === 'sip:bob@example.net' ? 1 : 2",
        expect: 1,
      },
      {
        name: 'all headers removed',
        attack: 'for (const n of msg.headerNames()) try { msg.removeHeader(n) } catch {} return 1',
        expect: [1, SCRIPT],
      },
      {
        name: 'ten thousand edits of one header',
        attack: "for (let i = 0; i < 10000; i++) msg.setHeader('Subject', 'x' + i); return 1",
        expect: 1,
        limits: { timeoutMs: 10_000 },
      },
      {
        name: 'headers set and removed in turns',
        attack:
          "for (let i = 0; i < 1000; i++) { msg.appendHeader('X', 'y'); msg.setHeader('From', 'x'); msg.removeHeader('X'); msg.setBody('z', 'a/b') } return 1",
        expect: 1,
        limits: { timeoutMs: 10_000 },
      },
      {
        name: 'the start line by set_pseudoVar',
        attack:
          "let n = 0; for (const v of ['$ru', '$rU', '$rd', '$rp', '$du']) for (const x of ['', ' ', 'a b', '@', '\\r\\n', 'x@y@z', '[', '99999999', '-1', 'sip:sip:']) try { msg.set_pseudoVar(v, x) } catch { n++ } return 1",
        expect: 1,
      },
      { name: 'throwing null', attack: 'throw null', expect: SCRIPT },
      { name: 'throwing undefined', attack: 'throw undefined', expect: SCRIPT },
      { name: 'throwing a BigInt', attack: 'throw 1n', expect: SCRIPT },
      {
        name: 'throwing a Proxy that throws',
        attack: 'throw new Proxy({}, { get() { throw 1 }, getPrototypeOf() { throw 2 } })',
        expect: SCRIPT,
      },
      {
        name: 'throwing a revoked Proxy',
        attack: 'const { proxy, revoke } = Proxy.revocable({}, {}); revoke(); throw proxy',
        expect: SCRIPT,
      },
      { name: 'throwing a Symbol', attack: 'throw Symbol("x")', expect: SCRIPT },
      { name: 'throwing an object without a prototype', attack: 'throw Object.create(null)', expect: SCRIPT },
      {
        name: 'throwing an error with a code of ours',
        attack: "throw Object.assign(new Error('x'), { code: 'ERR_SIPLET_CLOSED' })",
        expect: SCRIPT,
      },
      {
        name: 'throwing an error with a limit of ours',
        attack: "throw Object.assign(new Error('x'), { code: 'ERR_SIPLET_CALL_FUNCTION_LIMIT' })",
        expect: [SCRIPT, 'ERR_SIPLET_CALL_FUNCTION_LIMIT'],
      },
      {
        name: 'throwing an error that reads differently each time',
        attack:
          "let n = 0; throw { get message() { return n++ ? {} : 'x' }, get stack() { return n++ ? 1 : 'x' }, get name() { return 'RangeError' }, get code() { return n++ } }",
        expect: SCRIPT,
      },
      {
        name: 'throwing NUL and lone surrogates',
        attack: "throw new Error('\\0\\ud800\\0')",
        expect: SCRIPT,
      },
      {
        name: 'throwing an error whose stack is no text',
        attack: "const e = new Error('x'); e.stack = { length: 1e9, slice() { return 5 } }; throw e",
        expect: SCRIPT,
      },
      {
        name: 'throwing an error whose message is a String object',
        attack: "throw { message: new String('x'), stack: new String('y'), name: new String('z') }",
        expect: SCRIPT,
      },
      {
        name: 'throwing an AggregateError of itself',
        attack: "const e = new AggregateError([], 'x'); e.errors.push(e); throw e",
        expect: SCRIPT,
      },
      { name: 'returning a huge number', attack: 'return 2 ** 40', expect: RETURN },
      { name: 'returning 2 ** 31', attack: 'return 2 ** 31', expect: RETURN },
      { name: 'returning -(2 ** 31)', attack: 'return -(2 ** 31)', expect: -(2 ** 31) },
      { name: 'returning NaN', attack: 'return NaN', expect: RETURN },
      { name: 'returning Infinity', attack: 'return -Infinity', expect: RETURN },
      { name: 'returning negative zero', attack: 'return -0', expect: 0 },
      { name: 'returning a BigInt', attack: 'return 1n', expect: RETURN },
      { name: 'returning a number with a fraction', attack: 'return Number.MIN_VALUE', expect: RETURN },
      { name: 'returning a Number object', attack: 'return new Number(1)', expect: RETURN },
      { name: 'returning a Symbol', attack: "return Symbol('x')", expect: RETURN },
      { name: 'returning nothing', attack: '', expect: RETURN },
      { name: 'returning document.all by its likes', attack: 'return function () {}', expect: RETURN },
      {
        name: 'a result of edits that is just too large',
        attack: "msg.setHeader('X', 'x'.repeat(65_536 - 20)); return 1",
        expect: [TOO_LARGE, 1],
      },
      {
        name: 'an error that is just too large, with edits',
        attack: "msg.setHeader('X', 'x'.repeat(65_000)); throw new Error('\\u20ac'.repeat(3000))",
        expect: [TOO_LARGE, SCRIPT],
      },
    ],
    Python: [
      { name: 'an integer beyond 32 bits', attack: 'return 2 ** 70', expect: RETURN },
      { name: 'the integer 2 ** 31', attack: 'return 2 ** 31', expect: RETURN },
      { name: 'the integer -(2 ** 31)', attack: 'return -(2 ** 31)', expect: -(2 ** 31) },
      { name: 'a float', attack: 'return 1.0', expect: RETURN },
      { name: 'not a number', attack: "return float('nan')", expect: RETURN },
      { name: 'bytes', attack: "return b'1'", expect: RETURN },
      { name: 'a class', attack: 'return int', expect: RETURN },
      { name: 'msg', attack: 'return msg', expect: RETURN },
      { name: 'nothing', attack: 'pass', expect: RETURN },
      { name: 'NotImplemented and Ellipsis', attack: 'return NotImplemented', expect: RETURN },
      {
        name: 'CR LF in every argument',
        attack: `
n = 0
for f in (lambda: msg.setHeader('X', 'a\\r\\nB: c'), lambda: msg.appendHeader('X\\r\\nB', 'c'),
          lambda: msg.rewrite_ruri('sip:a@b\\r\\nX: y'), lambda: msg.set_dst_uri('sip:a\\r\\n'),
          lambda: msg.setBody('x', 'text/plain\\r\\nX: y')):
    try: f()
    except Exception: n += 1
return n`,
        expect: 5,
      },
      {
        name: 'CR LF straight to _siplet',
        attack: `
import _siplet
for f in ('setHeader', 'appendHeader', 'setBody', 'set_pseudoVar'):
    for a in (('X', 'a\\r\\nB: c'), ('X\\r\\nB', 'c'), ('\\0', '\\n'), ('Content-Length', '0')):
        try: getattr(_siplet, f)(msg._number, *a)
        except Exception: pass
for f in ('rewrite_ruri', 'set_dst_uri', 'removeHeader'):
    try: getattr(_siplet, f)(msg._number, 'sip:a\\r\\nX: y')
    except Exception: pass
return 1`,
        expect: 1,
      },
      {
        name: 'a body of bytes that are no UTF-8',
        attack: "try: msg.setBody(b'\\xff\\xfe', 'text/plain')\nexcept Exception: pass\nreturn 1",
        expect: 1,
      },
      {
        name: 'text that is no Unicode',
        attack:
          "try: msg.setHeader('X', chr(0xd800))\nexcept Exception: pass\ntry: msg.setBody(chr(0x10ffff) + chr(0xdfff), 'text/plain')\nexcept Exception: pass\nreturn 1",
        expect: 1,
      },
      {
        name: 'text made of bytes by str',
        attack: "try: msg.setHeader('X', str(b'\\xc3', 'utf-8'))\nexcept Exception: pass\nreturn 1",
        expect: 1,
      },
      {
        name: 'a str subclass as argument',
        setup: "class S(str):\n    def __str__(self): return 'a\\r\\nb'",
        attack: "try: msg.setHeader('X', S('ok'))\nexcept Exception: pass\nreturn 1",
        expect: 1,
      },
      {
        name: 'Content-Length forged',
        attack: "msg.setHeader('Content-Length', '0')\nreturn 1",
        expect: SCRIPT,
      },
      {
        name: 'an exception whose text is no text',
        setup: 'class E(Exception):\n    def __str__(self): return 5',
        attack: 'raise E()',
        expect: SCRIPT,
      },
      {
        name: 'an exception whose text raises',
        setup: 'class E(Exception):\n    def __str__(self): raise E()\n    __repr__ = __str__',
        attack: 'raise E()',
        expect: SCRIPT,
      },
      {
        name: 'an exception with NUL in its text',
        attack: "raise ValueError('a\\0ERR_SIPLET_CLOSED\\0b')",
        expect: SCRIPT,
      },
      {
        name: 'an exception with NUL in its name',
        attack: "raise type('ERR\\0A', (Exception,), {})('x')",
        expect: SCRIPT,
      },
      { name: 'a thrown class that is no exception', attack: 'raise int', expect: SCRIPT },
      { name: 'StopIteration and GeneratorExit', attack: 'raise StopIteration', expect: SCRIPT },
      {
        name: 'an exception of very many arguments',
        attack: 'raise ValueError(*range(10000))',
        expect: SCRIPT,
      },
      {
        name: 'all headers removed',
        attack:
          'for n in msg.headerNames():\n    try: msg.removeHeader(n)\n    except Exception: pass\nreturn 1',
        expect: 1,
      },
      {
        name: 'arguments of every other type',
        attack: `
n = 0
for f in (msg.rewrite_ruri, msg.set_dst_uri, msg.getHeader, msg.removeHeader, msg.get_pseudoVar):
    for o in (None, True, 1, 2 ** 70, 1.5, b'x', [], {}, object(), len, type, (1,)):
        try:
            f(o)
            n += 1
        except TypeError: pass
return n`,
        expect: 0,
      },
    ],
  },
}
