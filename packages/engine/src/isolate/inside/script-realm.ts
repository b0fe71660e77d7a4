/**
 * The script's own realm, seen from the prelude. Prelude and script live in two contexts of one isolate: a script
 * may patch every intrinsic it can reach and the parser never notices. What a script gets to hold (errors, tuples,
 * the console) must be of its own realm, so these few makers are compiled there, before the script runs.
 */
import type { InitResult } from './outcome.ts'

export interface ScriptRealm {
  /** An SIPMsgError of the script's realm. */
  error(code: string, message: string): Error
  /** A frozen [ip, port]. */
  tuple(ip: string, port: number): readonly [string, number]
  /** A list of strings as an array of the script's realm; copies. */
  list(items: readonly string[]): string[]
  /** Defines a global of the script: not enumerable, writable and configurable as V8's own are. */
  define(name: string, value: unknown): void
  /**
   * The prelude's entrances as functions of this realm. V8 refuses `new Function` and its like, which some npm
   * packages need, while the realm that was entered from outside is another one.
   */
  enter(prelude: Entrances): Entrances
  /** What `enter` returned; isolate/host/child.ts takes it from here. */
  entrances?: Entrances
  /** An object with these functions, of the script's realm. */
  namespace(names: readonly string[], make: (name: string) => unknown): object
}

/** What isolate/host/child.ts calls once the script is there. */
export interface Entrances {
  initModule(name: string, modInit: unknown): InitResult
  initChild(name: string, rank: number): InitResult
  run(wait: boolean, ...pieces: string[]): void
}

/**
 * Source of a function that returns the {@link ScriptRealm}; run in the script's context before the script.
 * It also takes away what no routing script needs and what would let memory escape the isolate's limit.
 */
export const SCRIPT_REALM_SOURCE = `(() => {
  const { freeze, defineProperty } = Object
  const global = globalThis
  class SIPMsgError extends Error {
    constructor(code, message) {
      super(message)
      defineProperty(this, 'code', { value: code, enumerable: true })
    }
  }
  defineProperty(SIPMsgError.prototype, 'name', { value: 'SIPMsgError', configurable: true, writable: true })
  const define = (name, value) => { defineProperty(global, name, { value, writable: true, configurable: true }) }
  define('SIPMsgError', SIPMsgError)
  delete global.WebAssembly
  delete global.SharedArrayBuffer
  delete global.Atomics
  return {
    error: (code, message) => new SIPMsgError(code, message),
    tuple: (ip, port) => freeze([ip, port]),
    list: (items) => { const copy = []; for (let i = 0; i < items.length; i++) copy[i] = items[i]; return copy },
    define,
    enter: (prelude) => ({
      initModule: (name, modInit) => prelude.initModule(name, modInit),
      initChild: (name, rank) => prelude.initChild(name, rank),
      run: (...args) => prelude.run(...args),
    }),
    namespace: (names, make) => {
      const object = {}
      for (let i = 0; i < names.length; i++) object[names[i]] = make(names[i])
      return object
    },
  }
})()`
