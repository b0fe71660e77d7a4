/**
 * Keeps the compiled code of commands that tests start as processes. Each of them then starts in half the time.
 *
 * They inherit `NODE_COMPILE_CACHE`: https://nodejs.org/api/module.html#module-compile-cache
 */
import { fileURLToPath } from 'node:url'

process.env.NODE_COMPILE_CACHE ??= fileURLToPath(
  new URL('../../node_modules/.cache/node-compile-cache', import.meta.url),
)
