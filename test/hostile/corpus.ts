/** All hostile scripts, by kind: the rows of the table in the README. */
import type { Kind } from './attack.ts'
import { ASYNC } from './kinds/async.ts'
import { ESCAPES } from './kinds/escapes.ts'
import { FORGERY } from './kinds/forgery.ts'
import { FUNCTIONS } from './kinds/functions.ts'
import { IMPORTS } from './kinds/imports.ts'
import { INTRINSICS } from './kinds/intrinsics.ts'
import { LOGS } from './kinds/logs.ts'
import { LOOPS } from './kinds/loops.ts'
import { MEMORY_BOMBS } from './kinds/memory.ts'
import { RECURSION } from './kinds/recursion.ts'
import { STARTS } from './kinds/starts.ts'
import { STATE } from './kinds/state.ts'

export const CORPUS: readonly Kind[] = [
  LOOPS,
  MEMORY_BOMBS,
  RECURSION,
  ASYNC,
  ESCAPES,
  INTRINSICS,
  FORGERY,
  STATE,
  LOGS,
  FUNCTIONS,
  STARTS,
  IMPORTS,
]
