/**
 * Code for a script that visits everything that a script can reach, and finds objects of other realms. `patch` in it
 * stands for the changes to the realm before the walk.
 */

/**
 * Changes of a hostile script to its realm before it searches for a way out. Each leaves alone what the walk itself
 * needs, which is stored before.
 */
export const PATCHES: Readonly<Record<string, string>> = {
  'nothing patched': '',
  'Error.prepareStackTrace that keeps call sites':
    'Error.prepareStackTrace = (error, sites) => { for (const site of sites) note(site); return sites }; Error.stackTraceLimit = 20;',
  'iterators, species and array methods': `
    const iterate = Array.prototype[Symbol.iterator]
    Array.prototype[Symbol.iterator] = function () { note(this); return iterate.call(this) }
    Object.defineProperty(Array, Symbol.species, { get() { note(this); return Array } })
    for (const name of ['map', 'push', 'join', 'slice', 'concat', 'indexOf', 'filter']) {
      const real = Array.prototype[name]
      Array.prototype[name] = function (...args) { note(this); for (let i = 0; i < args.length; i++) note(args[i]); return real.apply(this, args) }
    }`,
  'setters for indexes': `
    for (const prototype of [Array.prototype, Object.prototype]) {
      for (let i = 0; i < 4; i++) {
        Object.defineProperty(prototype, i, { configurable: true, get() { note(this); return undefined }, set(value) { note(this); note(value) } })
      }
    }`,
  'names that our objects use': `
    for (const name of ['get', 'set', 'value', 'code', 'message', 'then', 'toJSON', 'text', 'splices', 'live', 'error', 'index', 'call', 'run', 'constructor']) {
      const kept = Object.getOwnPropertyDescriptor(Object.prototype, name)
      if (name === 'constructor') continue
      Object.defineProperty(Object.prototype, name, { __proto__: null, configurable: true, get() { note(this); return kept && kept.value }, set(value) { note(this); note(value); Object.defineProperty(this, name, { __proto__: null, value, writable: true, configurable: true, enumerable: true }) } })
    }`,
  'Function.prototype': `
    for (const name of ['call', 'apply', 'bind']) {
      const real = Function.prototype[name]
      Reflect.defineProperty(Function.prototype, name, { configurable: true, writable: true, value(...args) { note(this); for (let i = 0; i < args.length; i++) note(args[i]); return Reflect_apply(real, this, args) } })
    }`,
  'strings, JSON, Reflect, Promise and regular expressions': `
    for (const object of [String.prototype, JSON, Reflect, RegExp.prototype, Promise.prototype, Number, Object]) {
      for (const name of Object_names(object)) {
        const found = Object_descriptor(object, name)
        if (name === 'constructor' || !found.configurable || typeof found.value !== 'function') continue
        const real = found.value
        Object_define(object, name, { value(...args) { note(this); for (let i = 0; i < args.length; i++) note(args[i]); return Reflect_apply(real, this, args) }, configurable: true, writable: true })
      }
    }`,
}

/** Returns the source of a script whose `walk` returns 1, or throws what it found. */
export function walkingScript(patch: string): string {
  return `
const { apply: Reflect_apply, ownKeys } = Reflect
const { getOwnPropertyNames: Object_names, getOwnPropertyDescriptor: Object_descriptor, defineProperty: Object_define, getPrototypeOf } = Object
const ownFunction = Function, ownFunctionPrototype = Function.prototype, ownObject = Object.prototype, ownArray = Array.prototype, ownGlobal = globalThis, NativeSet = Set, hasInstance = Function.prototype[Symbol.hasInstance]
const add = Set.prototype.add, has = Set.prototype.has
const noted = { __proto__: null, length: 0 }
/** Keeps what a patched function or a trap got hold of, for the walk. */
function note(value) {
  if (value !== null && (typeof value === 'object' || typeof value === 'function')) Object_define(noted, noted.length++, { __proto__: null, value })
}
/** Objects and functions of another realm, with the way to them. */
function foreign(roots) {
  const seen = new NativeSet()
  const stack = { __proto__: null, length: 0 }
  const push = (value, way) => {
    if (value === proxy || value === null || (typeof value !== 'object' && typeof value !== 'function')) return
    if (Reflect_apply(has, seen, [value])) return
    Reflect_apply(add, seen, [value])
    Object_define(stack, stack.length++, { __proto__: null, value: { __proto__: null, value, way }, configurable: true, writable: true })
  }
  for (let i = 0; i < roots.length; i += 2) push(roots[i + 1], roots[i])
  let walked = 0
  while (stack.length > 0) {
    const { value, way } = stack[--stack.length]
    walked++
    let end = value
    for (let next = getPrototypeOf(value); next !== null; next = getPrototypeOf(next)) end = next
    if (end !== ownObject && getPrototypeOf(value) !== null) return way + ' has a prototype of another realm'
    if (typeof value === 'function') {
      if (value !== ownFunctionPrototype && !Reflect_apply(hasInstance, ownFunction, [value])) return way + ' is no Function of this realm'
    }
    push(getPrototypeOf(value), way + '.__proto__')
    const keys = ownKeys(value)
    for (let i = 0; i < keys.length; i++) {
      const found = Object_descriptor(value, keys[i])
      const to = way + '.' + String(keys[i])
      if (found === undefined) continue
      if (getPrototypeOf(found) !== ownObject) return to + ' has a descriptor of another realm'
      push(found.value, to)
      push(found.get, to + ' (getter)')
      push(found.set, to + ' (setter)')
      if (found.get !== undefined) {
        try { push(Reflect_apply(found.get, value, []), to + ' (got)') } catch (error) { push(error, to + ' (thrown by the getter)') }
      }
    }
    if (getPrototypeOf(keys) !== ownArray) return way + ' has keys of another realm'
    if (typeof value === 'function' && typeof value.constructor === 'function') {
      try {
        const made = value.constructor('return this')
        if (typeof made === 'function' && made() !== ownGlobal && made() !== undefined && Object_names(made()).length > 50) return way + '.constructor leads to another global'
      } catch {}
    }
    if (walked > 1000000) return 'the walk has no end'
  }
  return walked > 500 ? '' : 'only ' + walked + ' objects were found'
}
const caught = { __proto__: null, length: 0 }
const keep = (error) => { note(error); try { note(error.stack); const sites = error.stack; if (typeof sites === 'object') for (let i = 0; i < sites.length; i++) for (const name of ['getThis', 'getFunction', 'getEvalOrigin', 'getTypeName', 'getScriptNameOrSourceURL']) { try { note(sites[i][name]()) } catch (e) { note(e) } } } catch (e) { note(e) } }
const odd = [undefined, null, 1, 'x', 'sip:a@b', '\\r\\n', Symbol('s'), 1n, [], {}, () => {}, new Proxy({}, {}), new Proxy(() => {}, {})]
const { proxy, revoke } = Proxy.revocable({}, {}); revoke(); odd[odd.length] = proxy
/** Calls every member with odd arguments and receivers, and keeps what comes of it. */
function exercise(msg) {
  const prototype = getPrototypeOf(msg)
  const names = Object_names(prototype)
  for (let n = 0; n < names.length; n++) {
    const found = Object_descriptor(prototype, names[n])
    for (const member of [found.value, found.get, found.set]) {
      if (typeof member !== 'function') continue
      note(member)
      for (let i = 0; i < odd.length; i++) {
        for (const self of [msg, odd[i]]) {
          for (const args of [[], [odd[i]], ['sip:x@y', odd[i]], [odd[i], 'x'], [odd[i], odd[i], odd[i]]]) {
            try { note(Reflect_apply(member, self, args)) } catch (error) { keep(error) }
          }
        }
      }
      try { note(new member()) } catch (error) { keep(error) }
    }
  }
  const logs = [LM_ERR, console.log, OpenSIPS.LM_DBG]
  for (let l = 0; l < logs.length; l++) for (let i = 0; i < odd.length; i++) { try { logs[l](odd[i], { get stack() { throw odd[i] } }) } catch (error) { keep(error) } }
}
const atEdge = [
  (msg) => msg.getHeader('Subject'), (msg) => msg.getHeaders('Via'), (msg) => msg.headerNames(), (msg) => msg.copy(), (msg) => msg.RURI,
  (msg) => msg.src_address, (msg) => msg.raw, (msg) => msg.setHeader('X', 'b'), (msg) => msg.removeHeader('X'), (msg) => msg.getHeader(1), (msg) => msg.rewrite_ruri('nonsense'),
  (msg) => msg.set_dst_uri('sip:a@b'), (msg) => msg.call_function('none', 1), (msg) => msg.call_function(), (msg) => msg.get_pseudoVar('$ru'),
  (msg) => { msg.RURI = 1 }, (msg) => msg.setBody('a', 'text/plain'), () => LM_DBG('x'), () => LM_DBG({}),
]
/** Calls a member at every depth of the stack from its edge on, until it worked a few times; keeps what it throws. */
function nearlyFull(msg, act) {
  // What was never called is compiled then, which takes more of the stack than all of our functions.
  try { act(msg) } catch {}
  let calm = 0, tries = 0
  // A list, since every call would fail there.
  let errors = null
  const down = () => {
    let failed = false
    try { down() } catch { failed = true }
    if (!failed) return
    try { act(msg); calm++ } catch (error) { errors = [error, errors]; if (error.code !== undefined) calm++ }
    if (calm < 15 && tries++ < 20000) throw 'up'
  }
  down()
  for (; errors !== null; errors = errors[1]) note(errors[0])
}
function mod_init() {
  return {
    child_init() { return 0 },
    walk(msg) {
      ${patch}
      // First, while little is optimised: what V8 has inlined checks the stack in one place.
      for (let i = 0; i < atEdge.length; i++) nearlyFull(msg.copy(), atEdge[i])
      exercise(msg.copy())
      const roots = ['globalThis', ownGlobal, 'msg', msg, 'copy', msg.copy(), 'this', this, 'arguments', arguments, 'noted', noted]
      const found = foreign(roots)
      if (found !== '') throw 'FOREIGN ' + found
      return 1
    },
    plain(msg) { return msg.Method === 'INVITE' ? 7 : -7 },
  }
}`
}
