/**
 * Prepares a script for a debugger: the script gets a file URL as its name, and a source map that contains the
 * sources.
 */
import { dirname, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { JavaScriptBundle } from '../script/bundle.ts'

interface SourceMapV3 {
  sources: string[]
  mappings: string
}

/** Errors still show paths (StackMapper of script/stack.ts). */
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
 * The lines that esbuild puts before the first source belong to no source. They are mapped to the first line of the
 * first source, because a debugger breaks there at the start.
 */
const LINES_IN_FRONT = /^;+/
const FIRST_LINE = 'AAAA;'
