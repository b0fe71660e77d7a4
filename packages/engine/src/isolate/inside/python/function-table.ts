/**
 * What Python can reach of JavaScript: a module with a fixed list of functions. The build contains a bridge to any
 * JavaScript object (`import js`, `jsffi`). The imports of this bridge are implemented here, and they provide no
 * other object.
 */
import type { Memory } from './memory.ts'
import {
  type FromPython,
  readValue,
  type ToPython,
  VALUE_SIZE,
  type ValueExports,
  writeFunction,
  writeValue,
} from './values.ts'

/** Must not throw anything but IsolateEnd: an exception would leave the interpreter in an inconsistent state. */
export type HostFunction = (...args: FromPython[]) => ToPython

/** Numbers that the build reserves: its global object and undefined. */
export const MODULE = 2
const FIRST_FUNCTION = 3

/** Returns the imports of the build that handle JavaScript objects. */
export function functionTable(
  memory: () => Memory,
  exports: () => ValueExports,
  functions: Readonly<Record<string, HostFunction>>,
): Record<string, (...args: number[]) => number | undefined> {
  const names = Object.keys(functions)
  const table = Object.values(functions)

  const read = (at: number) => readValue(memory(), exports(), at)
  const call = (number: number, args: FromPython[], out: number): undefined => {
    const host = table[number - FIRST_FUNCTION]
    writeValue(memory(), exports(), out, host === undefined ? null : host(...args))
  }
  const list = (at: number, count: number) => {
    const values: FromPython[] = []
    for (let i = 0; i < count; i++) values.push(read(at + i * VALUE_SIZE))
    return values
  }
  const nothing = (out: number): undefined => writeValue(memory(), exports(), out, null) as undefined
  return {
    lookup_attr: (object, name, out) => {
      const index = object === MODULE ? names.indexOf(memory().cText(name!)) : -1
      if (index === -1) return 0
      writeFunction(memory(), out!, FIRST_FUNCTION + index)
      return 1
    },
    call0: (number, out) => call(number!, [], out!),
    call1: (number, _bound, first, out) => call(number!, [read(first!)], out!),
    call2: (number, _bound, first, second, out) => call(number!, [read(first!), read(second!)], out!),
    calln: (number, _bound, count, values, out) => call(number!, list(values!, count!), out!),
    call0_kwarg: (_number, _bound, _count, _keys, _values, out) => nothing(out!),
    calln_kwarg: (_number, _bound, _count, _values, _named, _keys, _namedValues, out) => nothing(out!),
    has_attr: () => 0,
    store_attr: () => undefined,
    js_subscr_load: (_object, _index, out) => nothing(out!),
    js_subscr_store: () => undefined,
    js_get_iter: (_object, out) => nothing(out!),
    js_iter_next: () => 0,
    js_reflect_construct: (_class, _count, _args, out) => nothing(out!),
    js_check_existing: () => -1,
    js_get_proxy_js_ref_info: () => undefined,
    js_get_error_info: (_object, name, message) => {
      nothing(name!)
      nothing(message!)
      return undefined
    },
    js_then_resolve: () => undefined,
    js_then_reject: () => undefined,
    js_then_continue: (_object, _resume, _resolve, _reject, out) => nothing(out!),
    create_promise: (_executor, out) => nothing(out!),
    proxy_js_free_obj: () => undefined,
    proxy_convert_mp_to_js_then_js_to_mp_obj_jsside: (out) => nothing(out!),
    proxy_convert_mp_to_js_then_js_to_js_then_js_to_mp_obj_jsside: (out) => nothing(out!),
  }
}
