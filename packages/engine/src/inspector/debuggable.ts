/** A script as a debugger needs it: under its URL, with its source map, sources included, in it. */
import { dirname, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { JavaScriptBundle } from '../script/bundle.ts'

interface SourceMapV3 {
  sources: string[]
  mappings: string
}

/** Errors keep showing paths: see StackMapper of script/stack.ts. */
export function debuggable(script: JavaScriptBundle): JavaScriptBundle {
  const fileName = pathToFileURL(script.fileName).href
  if (script.map === null) return { ...script, fileName }
  const map: SourceMapV3 = JSON.parse(script.map)
  const paths = map.sources.map((source) => resolve(dirname(script.fileName), source))
  map.sources = paths.map((path) => pathToFileURL(path).href)
  map.mappings = map.mappings.replace(LINES_IN_FRONT, (lines) => lines.replaceAll(';', FIRST_LINE))
  const data = Buffer.from(JSON.stringify(map)).toString('base64')
  return {
    ...script,
    fileName,
    code: `${script.code}\n//# sourceMappingURL=data:application/json;charset=utf-8;base64,${data}\n`,
  }
}

/**
 * What esbuild puts in front of the first source has no place in any. It is shown as the first line of that, since
 * there a debugger breaks at start.
 */
const LINES_IN_FRONT = /^;+/
const FIRST_LINE = 'AAAA;'
