/**
 * Our code in the script's own realm, between the script and the prelude. Prelude and script live in two contexts of
 * one isolate. A script may patch every intrinsic of its realm without any effect on the parser in the prelude.
 *
 * Two rules guarantee this. The prelude never touches an object of the script, and the script never touches an object
 * of the prelude: only primitives cross, through the functions of {@link Bridge}. All code that handles values of the
 * script is in this file, so all objects that V8 creates on the way (errors, arrays, property descriptors) belong to
 * the script's realm.
 *
 * `scriptRealm` is compiled a second time, from its own text, in the script's context. It must not refer to anything
 * outside of itself. It is strict, so call sites and `Function.prototype.caller` reveal nothing of it. It saves all
 * intrinsics that it needs before the script runs, and uses nothing that a script could have patched later: no
 * iteration, no spread, no methods of strings and arrays, and only property descriptors without a prototype.
 */
import { LOOP_CHECK } from './loop-check.ts'
import type * as members from './message-members.ts'

/** The functions that the prelude offers to the script's realm. They take and return primitives only. */
export interface Bridge
  extends Pick<
    typeof members,
    | 'property'
    | 'sourceIp'
    | 'sourcePort'
    | 'destinationIp'
    | 'destinationPort'
    | 'copy'
    | 'rewriteRuri'
    | 'setDstUri'
    | 'getHeader'
    | 'getHeaderBytes'
    | 'setHeader'
    | 'appendHeader'
    | 'removeHeader'
    | 'setBody'
    | 'getPseudoVar'
    | 'setPseudoVar'
    | 'misuse'
    | 'misuseCall'
    | 'failureCode'
    | 'failureText'
  > {
  /** JSON of a list of strings. */
  getHeaders(number: number, name: string): string | false
  headerNames(number: number): string | false
  /** Passes an argument of the next call of call_function. The first argument has place 0. */
  argument(place: number, value: string | number): void
  /** @param count number of arguments passed before */
  callFunction(number: number, name: string, count: number): number | false
  /** @param level index in LOG_LEVELS of wire/verdict.ts */
  log(level: number, text: string): void
  /** Runs the top level of the script. Throws whatever the script throws. */
  evaluate(): void
  runBatch(wait: boolean, batch: string): void
  /** Begins a step of the start: log lines are accepted, and `promises` applies. */
  beginStep(): void
  /** Ends a step. The step failed if `failed` or `threw` was called. */
  endStep(): void
  failed(message: string): void
  /** Reports that the current exec has no code, because the method does not exist. */
  noMethod(name: string): void
  noCode(name: string, type: string): void
  /**
   * Reports an error that the script threw. An argument is undefined if the thrown value has no such property, or an
   * unreadable one.
   */
  threw(
    name: string | undefined,
    message: string | undefined,
    stack: string | undefined,
    code: string | undefined,
  ): void
  /** Reports that the script threw a text. */
  threwText(text: string): void
  /** Reports a method that exec can call. */
  method(name: string, isAsync: boolean): void
  /** Reports that the script can create promises from now on (rejection-guard.ts). */
  promises(): void
  /**
   * Returns code that the script creates from text, with loop checks. Returns false if the text cannot be parsed;
   * {@link codeFailure} returns the reason.
   */
  checkCode(text: string): string | false
  codeFailure(): string
}

/** The functions that the prelude and the host call. None of them ever throws a value of the script. */
export interface ScriptRealm {
  /**
   * @param watch whether to report to the bridge when the script begins to use promises
   * @param loopCheck name of the global that is called by the loops of the script and of code that it creates from
   *   text
   */
  connect(bridge: Bridge, levels: string, watch: boolean, loopCheck: string): void
  load(): void
  /** @param expression expression for the init function; its value is undefined if the function does not exist */
  initModule(name: string, expression: string): void
  initChild(name: string, rank: number): void
  listMethods(): void
  run(wait: boolean, ...pieces: string[]): void
  /**
   * Returns the 32-bit integer that the method returned. Returns undefined if there is none; the bridge then knows
   * the reason.
   */
  call(name: string, number: number, extra: string | null): number | undefined
}

/** @param checkLoop the function of loop-check.ts */
function scriptRealm(checkLoop: () => void): ScriptRealm {
  const global = globalThis
  const { apply, construct } = Reflect
  const {
    freeze,
    defineProperty,
    getPrototypeOf,
    setPrototypeOf,
    getOwnPropertyNames,
    getOwnPropertyDescriptor,
    hasOwn,
  } = Object
  const { isArray } = Array
  const { parse, stringify } = JSON
  const text = String
  const objectToText = Object.prototype.toString
  const functionToText = Function.prototype.toString
  const NativeRangeError = RangeError
  const NativeTypeError = TypeError
  const NativeSyntaxError = SyntaxError
  // Called by another name, eval runs in the global scope.
  // biome-ignore lint/security/noGlobalEval: the text is the name of a function of the script
  const evaluateGlobally = eval

  let bridge: Bridge
  let handler: Record<string, unknown>

  class SIPMsgError extends Error {
    constructor(code: string, message: string) {
      super(message)
      defineProperty(this, 'code', { __proto__: null, value: code, enumerable: true } as PropertyDescriptor)
    }
  }
  defineProperty(SIPMsgError.prototype, 'name', { value: 'SIPMsgError', configurable: true, writable: true })

  /**
   * Turns an error of the prelude's realm into one of this realm. Only V8 creates such errors there (stack, string
   * length).
   */
  const converted = (thrown: unknown): unknown => new NativeRangeError((thrown as Error).message)

  /** Throws the error of the member that has just failed. */
  const raise = (member: string): never => {
    let code: string
    let message: string
    try {
      code = bridge.failureCode()
      message = bridge.failureText()
    } catch (thrown) {
      throw converted(thrown)
    }
    throw new SIPMsgError(code, code === 'ERR_SIPLET_STALE_MESSAGE' ? `${member}: ${message}` : message)
  }

  /** Array.isArray throws for a revoked Proxy. */
  const isList = (value: unknown): boolean => {
    try {
      return isArray(value)
    } catch {
      return false
    }
  }

  const typeOf = (value: unknown): string =>
    value === null ? 'null' : isList(value) ? 'an array' : typeof value

  /** Calls a function of the bridge for a message. Throws the member's error if the function returns false. */
  const ask = <Answer>(number: number, member: string, act: (number: number) => Answer | false): Answer => {
    let answer: Answer | false
    try {
      answer = act(number)
    } catch (thrown) {
      throw converted(thrown)
    }
    return answer === false ? raise(member) : answer
  }

  /** Calls a function of the bridge for a member with one string argument. */
  const askWith = <Answer>(
    number: number,
    name: string,
    act: (number: number, only: string) => Answer | false,
    args: readonly unknown[],
  ): Answer => {
    if (args.length !== 1 || typeof args[0] !== 'string') return misuse(number, name, args)
    let answer: Answer | false
    try {
      answer = act(number, args[0])
    } catch (thrown) {
      throw converted(thrown)
    }
    return answer === false ? raise(`${name}()`) : answer
  }

  /** Calls a function of the bridge for a member with two string arguments. */
  const askWithTwo = <Answer>(
    number: number,
    name: string,
    act: (number: number, first: string, second: string) => Answer | false,
    args: readonly unknown[],
  ): Answer => {
    if (args.length !== 2 || typeof args[0] !== 'string' || typeof args[1] !== 'string') {
      return misuse(number, name, args)
    }
    let answer: Answer | false
    try {
      answer = act(number, args[0], args[1])
    } catch (thrown) {
      throw converted(thrown)
    }
    return answer === false ? raise(`${name}()`) : answer
  }

  /** Throws the error of a member that takes strings and was called with wrong arguments. */
  const misuse = (number: number, name: string, args: readonly unknown[]): never => {
    const count = args.length
    const place = count > 0 && typeof args[0] === 'string' ? 1 : 0
    const type = place < count ? typeOf(args[place]) : ''
    try {
      bridge.misuse(number, name, count, place, type)
    } catch (thrown) {
      throw converted(thrown)
    }
    return raise(`${name}()`)
  }

  const property = <Value>(number: number, index: number, name: string): Value => {
    let value: unknown
    try {
      value = bridge.property(number, index)
    } catch (thrown) {
      throw converted(thrown)
    }
    return value === false ? raise(name) : (value as Value)
  }

  /** The message as a script sees it. script.ts documents the members. */
  class SIPMsg {
    readonly #number: number

    constructor(number: number) {
      this.#number = number
    }

    // The numbers are indexes in PROPERTIES of message-members.ts.
    get Type(): string {
      return property(this.#number, 0, 'Type')
    }
    get Method(): string {
      return property(this.#number, 1, 'Method')
    }
    get Status(): string {
      return property(this.#number, 2, 'Status')
    }
    get Reason(): string {
      return property(this.#number, 3, 'Reason')
    }
    get RURI(): string {
      return property(this.#number, 4, 'RURI')
    }
    get originalRURI(): string {
      return property(this.#number, 5, 'originalRURI')
    }
    get Route(): string {
      return property(this.#number, 6, 'Route')
    }
    get src_address(): readonly [string, number] {
      const number = this.#number
      const ip = ask(number, 'src_address', bridge.sourceIp)
      return freeze([ip, ask(number, 'src_address', bridge.sourcePort)] as const)
    }
    get dst_address(): readonly [string, number] {
      const number = this.#number
      const ip = ask(number, 'dst_address', bridge.destinationIp)
      return freeze([ip, ask(number, 'dst_address', bridge.destinationPort)] as const)
    }
    get dst_uri(): string | null {
      return property(this.#number, 7, 'dst_uri')
    }
    get CallID(): string | null {
      return property(this.#number, 8, 'CallID')
    }
    get CSeq(): string | null {
      return property(this.#number, 9, 'CSeq')
    }
    get CSeqMethod(): string | null {
      return property(this.#number, 10, 'CSeqMethod')
    }
    get FromURI(): string | null {
      return property(this.#number, 11, 'FromURI')
    }
    get FromTag(): string | null {
      return property(this.#number, 12, 'FromTag')
    }
    get ToURI(): string | null {
      return property(this.#number, 13, 'ToURI')
    }
    get ToTag(): string | null {
      return property(this.#number, 14, 'ToTag')
    }
    get body(): string {
      return property(this.#number, 15, 'body')
    }
    get raw(): string {
      return property(this.#number, 16, 'raw')
    }

    copy(): SIPMsg {
      return new SIPMsg(ask(this.#number, 'copy()', bridge.copy))
    }

    rewrite_ruri(...args: unknown[]): void {
      askWith(this.#number, 'rewrite_ruri', bridge.rewriteRuri, args)
    }

    set_dst_uri(...args: unknown[]): void {
      askWith(this.#number, 'set_dst_uri', bridge.setDstUri, args)
    }

    getHeader(...args: unknown[]): string | null {
      return askWith(this.#number, 'getHeader', bridge.getHeader, args)
    }

    getHeaderBytes(...args: unknown[]): string | null {
      return askWith(this.#number, 'getHeaderBytes', bridge.getHeaderBytes, args)
    }

    // JSON.parse defines the entries of its arrays directly, so setters in Array.prototype are not called.
    getHeaders(...args: unknown[]): string[] {
      return parse(askWith(this.#number, 'getHeaders', bridge.getHeaders, args))
    }

    headerNames(): string[] {
      return parse(ask(this.#number, 'headerNames()', bridge.headerNames))
    }

    setHeader(...args: unknown[]): void {
      askWithTwo(this.#number, 'setHeader', bridge.setHeader, args)
    }

    appendHeader(...args: unknown[]): void {
      askWithTwo(this.#number, 'appendHeader', bridge.appendHeader, args)
    }

    removeHeader(...args: unknown[]): number {
      return askWith(this.#number, 'removeHeader', bridge.removeHeader, args)
    }

    setBody(...args: unknown[]): void {
      askWithTwo(this.#number, 'setBody', bridge.setBody, args)
    }

    call_function(...args: unknown[]): number {
      const number = this.#number
      const count = args.length
      let place = 0
      if (count > 0 && count <= 9 && typeof args[0] === 'string') {
        for (place = 1; place < count; place++) {
          const value = args[place]
          // A number minus itself is 0, except for NaN and the infinities.
          if (typeof value !== 'string' && !(typeof value === 'number' && value - value === 0)) break
        }
      }
      let code: number | null | false
      try {
        if (place < count || count === 0) {
          const type = count === 0 ? '' : typeOf(args[place])
          code = bridge.misuseCall(number, count, place, place === 0 ? '' : (args[0] as string), type)
        } else {
          for (let i = 1; i < count; i++) bridge.argument(i - 1, args[i] as string | number)
          code = bridge.callFunction(number, args[0] as string, count - 1)
        }
      } catch (thrown) {
        throw converted(thrown)
      }
      return code === false ? raise('call_function()') : (code as number)
    }

    get_pseudoVar(...args: unknown[]): string | null {
      return askWith(this.#number, 'get_pseudoVar', bridge.getPseudoVar, args)
    }

    set_pseudoVar(...args: unknown[]): void {
      askWithTwo(this.#number, 'set_pseudoVar', bridge.setPseudoVar, args)
    }
  }
  // A script must not create messages of its own.
  delete (SIPMsg.prototype as { constructor?: unknown }).constructor

  /**
   * In sloppy scripts, an assignment to a getter fails silently. Here it throws an error that names the right method.
   */
  const ways: Record<string, string> = {
    RURI: 'rewrite_ruri(uri)',
    dst_uri: 'set_dst_uri(uri)',
    body: 'setBody(text, contentType)',
  }
  for (const name of getOwnPropertyNames(SIPMsg.prototype)) {
    const { get, enumerable, configurable } = getOwnPropertyDescriptor(SIPMsg.prototype, name)!
    if (get === undefined) continue
    const how = ways[name] === undefined ? '' : `: use ${ways[name]}`
    const set = (_value: unknown): void => {
      throw new SIPMsgError('ERR_SIPLET_READ_ONLY', `${name} cannot be assigned${how}`)
    }
    defineProperty(SIPMsg.prototype, name, { get, set, enumerable, configurable })
  }
  // One exec must not change what the next exec reads from its message.
  freeze(SIPMsg.prototype)

  const shown = (value: unknown): string => {
    if (typeof value === 'string') return value
    if (typeof value === 'bigint') return `${value}n`
    if (typeof value !== 'object' || value === null) return text(value)
    const stack = (value as { stack?: unknown }).stack
    if (typeof stack === 'string') return stack
    try {
      return stringify(value) ?? text(value)
    } catch {
      return apply(objectToText, value, [])
    }
  }

  const logger =
    (level: number) =>
    (...values: unknown[]): void => {
      let line = ''
      for (let i = 0; i < values.length; i++) line += (i === 0 ? '' : ' ') + shown(values[i])
      try {
        bridge.log(level, line)
      } catch (thrown) {
        throw converted(thrown)
      }
    }

  /** Defines a global with the attributes of V8's own globals: not enumerable, writable and configurable. */
  const define = (name: string, value: unknown): void => {
    defineProperty(global, name, { value, writable: true, configurable: true })
  }

  /** Defines the logging functions: LM_ALERT … LM_DBG as globals and on the OpenSIPS object, and the console. */
  const defineGlobals = (levels: readonly string[]): void => {
    const OpenSIPS: Record<string, unknown> = {}
    for (let i = 0; i < levels.length; i++) {
      define(`LM_${levels[i]}`, logger(i))
      OpenSIPS[`LM_${levels[i]}`] = logger(i)
    }
    define('OpenSIPS', OpenSIPS)
    const at = (level: string) => logger(levels.indexOf(level))
    define('console', {
      error: at('ERR'),
      warn: at('WARN'),
      log: at('INFO'),
      info: at('INFO'),
      debug: at('DBG'),
      trace: at('DBG'),
    })
    define('SIP_REQUEST', 'SIP_REQUEST')
    define('SIP_REPLY', 'SIP_REPLY')
    define('SIPMsgError', SIPMsgError)
  }

  /**
   * Replaces ArrayBuffer by a version that creates only buffers of fixed length, because isolated-vm's allocator does
   * not count other buffers.
   */
  const fixLengths = (): void => {
    const Native = ArrayBuffer
    const FixedArrayBuffer = function FixedArrayBuffer(
      length: unknown,
      options?: { maxByteLength?: unknown },
    ) {
      if (new.target === undefined) throw new NativeTypeError("Constructor ArrayBuffer requires 'new'")
      if (options?.maxByteLength !== undefined)
        throw new NativeTypeError('maxByteLength: an ArrayBuffer of a script cannot be resizable')
      return construct(Native, [length], new.target)
    }
    Object.defineProperties(FixedArrayBuffer, Object.getOwnPropertyDescriptors(Native))
    defineProperty(Native.prototype, 'constructor', {
      __proto__: null,
      value: FixedArrayBuffer,
    } as PropertyDescriptor)
    define('ArrayBuffer', FixedArrayBuffer)
  }

  /**
   * Removes globals that no routing script needs and that would give it memory or time beyond the limits. Shared,
   * compiled and resizable memory is outside of the heap, and so is most of the memory of Intl and Temporal objects.
   * V8 counts none of it. FinalizationRegistry is removed because V8 calls its callbacks while no exec is running.
   */
  const removeGlobals = (): void => {
    const globals = global as Record<string, unknown>
    delete globals.Intl
    delete globals.Temporal
    delete (Date.prototype as { toTemporalInstant?: unknown }).toTemporalInstant
    fixLengths()
    delete globals.WebAssembly
    delete globals.SharedArrayBuffer
    delete globals.Atomics
    delete globals.FinalizationRegistry
  }

  /** Returns code that the script creates from text, with loop checks, or the text itself if it has no loop. */
  const withLoopChecks = (code: string): string => {
    let checked: string | false
    let failure: string
    try {
      // Such code may create promises as well.
      bridge.promises()
      checked = bridge.checkCode(code)
      failure = bridge.codeFailure()
    } catch (thrown) {
      throw converted(thrown)
    }
    if (checked === false) throw new NativeSyntaxError(failure)
    return checked
  }

  /**
   * Replaces all builtins that create code from text, so that the loops of such code are checked like those of the
   * script. The replacement of eval cannot access the scope of its caller. Proxies look like the builtins that they
   * replace.
   */
  const checkCode = (): void => {
    const handlerOf = <Target extends object>(traps: ProxyHandler<Target>): ProxyHandler<Target> =>
      setPrototypeOf(traps, null)
    const evaluate = (_eval: unknown, _this: unknown, args: unknown[]): unknown => {
      const code = args[0]
      return typeof code === 'string' ? evaluateGlobally(withLoopChecks(code)) : code
    }
    define('eval', new Proxy(evaluateGlobally, handlerOf({ apply: evaluate })))
    const replace = (Native: FunctionConstructor, prefix: string, Parent: object): FunctionConstructor => {
      const make = (_native: unknown, args: unknown[], newTarget: unknown): object => {
        for (let i = 0; i < args.length; i++) args[i] = `${args[i]}`
        // V8 itself rejects texts that are not separately valid as parameters and as body.
        const made = construct(Native, args, newTarget as () => void)
        const source: string = apply(functionToText, made, [])
        // The code is an expression without a name, because code inside the function could see a name.
        const body: string = apply(sliceText, source, [prefix.length])
        const code = `(${apply(sliceText, prefix, [0, -ANONYMOUS.length])}${body})`
        const withChecks = withLoopChecks(code)
        if (withChecks === code) return made
        const checked: object = setPrototypeOf(evaluateGlobally(withChecks), getPrototypeOf(made))
        const name = { __proto__: null, value: 'anonymous', configurable: true } as PropertyDescriptor
        return defineProperty(checked, 'name', name)
      }
      const traps: ProxyHandler<FunctionConstructor> = {
        apply: (_native, _this, args: unknown[]) => make(Native, args, Checked),
        construct: make,
      }
      const Checked = new Proxy(Native, handlerOf(traps))
      setPrototypeOf(Native, Parent)
      defineProperty(Native.prototype, 'constructor', {
        __proto__: null,
        value: Checked,
      } as PropertyDescriptor)
      return Checked
    }
    const ANONYMOUS = ' anonymous'
    const sliceText = String.prototype.slice
    const constructorOf = (made: () => unknown) => made.constructor as FunctionConstructor
    const Checked = replace(Function, `function${ANONYMOUS}`, Function.prototype)
    define('Function', Checked)
    replace(
      constructorOf(function* () {}),
      `function*${ANONYMOUS}`,
      Checked,
    )
    replace(
      constructorOf(async () => {}),
      `async function${ANONYMOUS}`,
      Checked,
    )
    replace(
      constructorOf(async function* () {}),
      `async function*${ANONYMOUS}`,
      Checked,
    )
  }

  /**
   * Reports to the bridge when the script first accesses a global that leads to promises. Code created from text
   * reports itself.
   */
  const watchPromises = (): void => {
    const watch = (object: object, key: string): void => {
      const found = getOwnPropertyDescriptor(object, key)
      if (found === undefined || !hasOwn(found, 'value')) return
      const { value, enumerable, writable } = found
      const restore = (): void => {
        try {
          bridge.promises()
        } catch (thrown) {
          throw converted(thrown)
        }
        defineProperty(object, key, {
          __proto__: null,
          value,
          enumerable,
          writable,
          configurable: true,
        } as PropertyDescriptor)
      }
      defineProperty(object, key, {
        get() {
          restore()
          return value
        },
        set(this: unknown, now: unknown) {
          restore()
          // Restores a data property, as if the accessor had never existed.
          ;(this as Record<string, unknown>)[key] = now
        },
        enumerable,
        configurable: true,
      })
    }
    for (const name of ['Promise', 'AsyncDisposableStack']) watch(global, name)
    watch(Array, 'fromAsync')
  }

  const isThenable = (value: object): boolean => {
    try {
      return typeof (value as { then?: unknown }).then === 'function'
    } catch {
      return false
    }
  }

  /** Returns a description of a value of the script. */
  const inWords = (value: unknown): string => {
    if (value === null || value === undefined) return `${value}`
    if (typeof value === 'number') return `the number ${value}`
    if (typeof value === 'string') return 'a string'
    if (typeof value !== 'object') return `a ${typeof value}`
    if (isThenable(value)) return 'a promise (methods must be synchronous)'
    return isList(value) ? 'an array' : 'an object'
  }

  const describeObject = (thrown: Record<string, unknown>): void => {
    const { stack, message, name, code } = thrown
    bridge.threw(
      typeof name === 'string' ? name : undefined,
      typeof message === 'string' ? message : 'the script threw an object without a message',
      typeof stack === 'string' ? stack : undefined,
      typeof code === 'string' ? code : undefined,
    )
  }

  /**
   * Reports a thrown value to the bridge. The value belongs to the script: it may be a Proxy, have throwing getters,
   * or be null.
   */
  const describe = (thrown: unknown): void => {
    try {
      if (typeof thrown === 'string') bridge.threwText(thrown)
      else if ((typeof thrown === 'object' || typeof thrown === 'function') && thrown !== null) {
        describeObject(thrown as Record<string, unknown>)
      } else bridge.threw(undefined, `the script threw ${text(thrown)}`, undefined, undefined)
    } catch {
      bridge.threw(undefined, 'the script threw a value that cannot be read', undefined, undefined)
    }
  }

  /** Results of Object.prototype.toString for functions that return a promise or an iterator. */
  const asyncKinds: Record<string, boolean | null> = {
    __proto__: null,
    '[object AsyncFunction]': true,
    '[object GeneratorFunction]': true,
    '[object AsyncGeneratorFunction]': true,
  }

  const step = (act: () => void): void => {
    bridge.beginStep()
    try {
      act()
    } catch (thrown) {
      describe(thrown)
    }
    bridge.endStep()
  }

  return {
    connect(given, levels, watch, loopCheck) {
      bridge = given
      // The property is neither writable nor configurable, so nothing can replace the function.
      defineProperty(global, loopCheck, { __proto__: null, value: checkLoop } as PropertyDescriptor)
      defineGlobals(levels.split(' '))
      removeGlobals()
      checkCode()
      if (watch) watchPromises()
    },

    load() {
      step(() => bridge.evaluate())
    },

    initModule(name, expression) {
      step(() => {
        const modInit: unknown = evaluateGlobally(expression)
        if (typeof modInit !== 'function') {
          const what = modInit === undefined ? 'not defined, or not exported' : `a ${typeof modInit}`
          bridge.failed(`${name} is ${what}; it must be a function of the script`)
          return
        }
        const object: unknown = modInit()
        if ((typeof object !== 'object' && typeof object !== 'function') || object === null) {
          bridge.failed(
            `${name}() must return the object whose methods handle messages, not ${inWords(object)}`,
          )
        } else if (isThenable(object)) {
          bridge.failed(`${name}() returned a promise; it must return the object itself`)
        } else {
          handler = object as Record<string, unknown>
        }
      })
    },

    initChild(name, rank) {
      step(() => {
        const method = handler[name]
        if (typeof method !== 'function') {
          bridge.failed(
            `the object of mod_init has no method ${name}: add one that returns 0, or name another with childInitMethod (--child-init)`,
          )
          return
        }
        const result: unknown = apply(method, handler, [rank])
        const code = typeof result === 'boolean' ? +result : result
        // A number that is not an integer has a remainder; other values are not numbers.
        if (typeof code !== 'number' || code % 1 !== 0) {
          bridge.failed(
            `${name}(${rank}) must return an integer >= 0, not ${inWords(result)}; end it with: return 0`,
          )
        } else if (code < 0) {
          bridge.failed(`${name}(${rank}) returned ${code}: a negative value refuses the start`)
        }
      })
    },

    listMethods() {
      step(() => {
        let object: object | null = handler
        // A Proxy can pretend to have an endless chain of prototypes.
        for (let depth = 0; object !== null && depth < 100; depth++) {
          const parent: object | null = getPrototypeOf(object)
          // This is Object.prototype, unless the handler itself has no prototype.
          if (parent === null && object !== handler) break
          const names: readonly string[] = getOwnPropertyNames(object)
          for (let i = 0; i < names.length; i++) {
            const name = names[i]!
            const found = getOwnPropertyDescriptor(object, name)
            if (name === 'constructor' || found === undefined || !hasOwn(found, 'value')) continue
            if (typeof found.value !== 'function') continue
            const kind: string = apply(objectToText, found.value, [])
            bridge.method(name, asyncKinds[kind] === true)
          }
          object = parent
        }
      })
    },

    run(wait, ...pieces) {
      let batch = pieces[0]!
      for (let i = 1; i < pieces.length; i++) batch += pieces[i]
      bridge.runBatch(wait, batch)
    },

    call(name, number, extra) {
      try {
        const method = handler[name]
        if (typeof method !== 'function') {
          bridge.noMethod(name)
          return undefined
        }
        const msg = new SIPMsg(number)
        const result: unknown = apply(method, handler, extra === null ? [msg] : [msg, extra])
        const code = typeof result === 'boolean' ? +result : result
        if (typeof code === 'number' && code === (code | 0)) return code
        bridge.noCode(name, inWords(result))
      } catch (thrown) {
        describe(thrown)
      }
      return undefined
    },
  }
}

/**
 * Text of an expression whose value is a {@link ScriptRealm}. It is evaluated in the script's context before the
 * script.
 */
export const SCRIPT_REALM_SOURCE = `'use strict';(${scriptRealm})(${LOOP_CHECK})`

/** Name of that text. Debuggers are not told about scripts with this name. */
export const SCRIPT_REALM_NAME = 'siplet:script-realm'
