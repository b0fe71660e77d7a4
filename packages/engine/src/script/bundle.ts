import type { WasmModule } from '../isolate/inside/python/webassembly.ts'
import type { LoopChecks } from './loop-checks.ts'

/** A script with all its imports, ready for an isolate. */
export type Bundle = JavaScriptBundle | PythonBundle

/** A script as one text without imports. */
export interface JavaScriptBundle {
  language: 'javascript'
  /** Path as shown in stack traces. */
  fileName: string
  code: string
  /** Name of the global with the script's exports; null if the script defines plain globals. */
  globalName: string | null
  /** Source map (version 3, JSON) of the code without its loop checks; null if that code is the script as written. */
  map: string | null
  /** The checks added to the loops of `code`; null if it has no loops, or if a debugger may attach. */
  loopChecks: LoopChecks | null
}

export interface PythonBundle {
  language: 'python'
  /** Absolute path of the script. */
  fileName: string
  /** Texts of the script and of the modules that it imports, by absolute path. */
  files: Record<string, string>
  /** Problems that its author should know about, although the script can run. */
  warnings: readonly string[]
  /** Compiled interpreter (micropython-module.ts). It cannot be sent to another process, which compiles its own. */
  interpreter?: WasmModule
}
