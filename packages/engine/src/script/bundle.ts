import type { WasmModule } from '../isolate/inside/python/webassembly.ts'
import type { LoopChecks } from './loop-checks.ts'

/** A script ready for an isolate, with everything it imports. */
export type Bundle = JavaScriptBundle | PythonBundle

/** One text without imports. */
export interface JavaScriptBundle {
  language: 'javascript'
  /** Path as the stack traces show it. */
  fileName: string
  code: string
  /** Global that holds the script's exports; null where the script defines plain globals. */
  globalName: string | null
  /** Source map (version 3, JSON) of the code without its loop checks, null where that is the script as written. */
  map: string | null
  /** What was put into the loops of `code`; null where it has no loops, or a debugger may attach. */
  loopChecks: LoopChecks | null
}

export interface PythonBundle {
  language: 'python'
  /** Absolute path of the script. */
  fileName: string
  /** Text of the script and of the modules it imports, by absolute path. */
  files: Record<string, string>
  /** What its author should know, though it can run. */
  warnings: readonly string[]
  /** Compiled; see micropython-module.ts. It cannot travel to another process, which compiles its own. */
  interpreter?: WasmModule
}
