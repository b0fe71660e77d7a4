/**
 * Puts a call at the start of every loop body of a script. V8 looks for an interrupt at each entry of a function, but in
 * a loop that it has not optimised only once the loop has used up a budget of bytecode: with operators that take
 * milliseconds each, such as `[...list]` or `===` of long strings, that takes seconds and more (docs/containment.md).
 * While V8 compiles the function on another thread, that budget is 2 ** 30 bytes (InterruptBudgetFor in V8's
 * tiering-manager.cc).
 *
 * No line is added, so a place in the result differs from one in the script by columns only, and
 * {@link columnAsWritten} takes those off.
 */
import { type Node, Parser } from 'acorn'
import { LOOP_CHECK } from '../isolate/inside/loop-check.ts'

export interface LoopChecks {
  /** Global that is called; no name of the script. See isolate/inside/loop-check.ts. */
  name: string
  /**
   * What was inserted, in order, as three numbers each: line (0 is the first) and column (of the text before), in UTF-16
   * code units, and length.
   */
  inserted: readonly number[]
}

export interface CheckedCode {
  code: string
  /** Null where the code has no loop, and is as it was. */
  checks: LoopChecks | null
}

/** V8 tells of names that are declared twice. acorn would look for each name in a list of all: 45,000 names took 3 s. */
const LoopParser = Parser.extend(
  (Base) =>
    class extends Base {
      declareName(): void {}
    },
)

const NAME = '__siplet_loop'
/** What ends a line, for V8 and for source maps of it. */
const LINE_BREAK = /\r\n|[\n\r\u2028\u2029]/g
/** A keyword cannot be written with escapes. */
const LOOP_KEYWORD = /\b(?:for|while)\b/
const LOOPS = new Set([
  'ForStatement',
  'ForInStatement',
  'ForOfStatement',
  'WhileStatement',
  'DoWhileStatement',
])

/**
 * @param code a classic script
 * @param name start of the name of the global that is called; a number is added
 * @throws SyntaxError of acorn, with `loc`; RangeError if the code is nested too deeply for the stack
 */
export function withLoopChecks(code: string, name = NAME): CheckedCode {
  if (!LOOP_KEYWORD.test(code)) return { code, checks: null }
  const { names, loops } = loopsOf(LoopParser.parse(code, { ecmaVersion: 'latest', sourceType: 'script' }))
  if (loops.length === 0) return { code, checks: null }
  const unused = unusedName(code, names, name)
  return insert(code, unused, insertions(loops, unused))
}

interface Loop {
  body: Node
  /** Whether it stands in a `with`, whose object may have a property of any name. */
  inWith: boolean
}

function loopsOf(program: Node): { names: ReadonlySet<string>; loops: Loop[] } {
  const names = new Set<string>()
  const loops: Loop[] = []
  const nodes: Node[] = [program]
  const inWith = new Set<Node>()
  for (let node = nodes.pop(); node !== undefined; node = nodes.pop()) {
    // A name may be written with escapes.
    if ('name' in node && typeof node.name === 'string') names.add(node.name)
    const within = node.type === 'WithStatement' || inWith.has(node)
    if (LOOPS.has(node.type)) loops.push({ body: (node as Node & { body: Node }).body, inWith: within })
    for (const value of Object.values(node)) {
      for (const child of Array.isArray(value) ? value : [value]) {
        if (!isNode(child)) continue
        nodes.push(child)
        if (within) inWith.add(child)
      }
    }
  }
  return { names, loops }
}

/** The column that a place had before, in UTF-16 code units from 0. */
export function columnAsWritten({ inserted }: LoopChecks, line: number, column: number): number {
  let shift = 0
  for (let at = firstOfLine(inserted, line); at < inserted.length && inserted[at] === line; at += 3) {
    const start = inserted[at + 1]! + shift
    if (column < start) break
    const length = inserted[at + 2]!
    if (column < start + length) return inserted[at + 1]!
    shift += length
  }
  return column - shift
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && typeof (value as Node).type === 'string'
}

function unusedName(code: string, names: ReadonlySet<string>, start: string): string {
  const numbers = new Set<number>()
  const note = (text: string) => {
    for (const [, digits] of text.matchAll(new RegExp(`${start}(\\d+)`, 'g'))) numbers.add(Number(digits))
  }
  note(code)
  for (const name of names) note(name)
  let number = 0
  while (numbers.has(number)) number++
  return `${start}${number}`
}

interface Insertion {
  at: number
  text: string
}

function insertions(loops: readonly Loop[], name: string): Insertion[] {
  const list: Insertion[] = []
  for (const { body, inWith } of loops) {
    const { type, start, end } = body
    const call = inWith ? `(${LOOP_CHECK})();` : `${name}();`
    if (type === 'BlockStatement') list.push({ at: start + 1, text: call })
    else list.push({ at: start, text: `{${call}` }, { at: end, text: '}' })
  }
  return list.sort((a, b) => a.at - b.at)
}

function insert(code: string, name: string, list: readonly Insertion[]): CheckedCode {
  const inserted: number[] = []
  const pieces: string[] = []
  let from = 0
  let line = 0
  let lineStart = 0
  const breaks = code.matchAll(LINE_BREAK)
  let next = breaks.next()
  for (const { at, text } of list) {
    while (!next.done && next.value.index < at) {
      line++
      lineStart = next.value.index + next.value[0].length
      next = breaks.next()
    }
    inserted.push(line, at - lineStart, text.length)
    pieces.push(code.slice(from, at), text)
    from = at
  }
  pieces.push(code.slice(from))
  return { code: pieces.join(''), checks: { name, inserted } }
}

/** Index of the first insertion of that line or a later one. */
function firstOfLine(inserted: readonly number[], line: number): number {
  let low = 0
  let high = inserted.length / 3
  while (low < high) {
    const middle = (low + high) >>> 1
    if (inserted[3 * middle]! < line) low = middle + 1
    else high = middle
  }
  return 3 * low
}
