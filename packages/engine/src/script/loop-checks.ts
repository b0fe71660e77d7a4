/**
 * Adds a call at the start of every loop body of a script. V8 checks for an interrupt whenever a function is entered.
 * In a loop that is not optimised, it checks only after the loop has used up a budget of bytecode. If the loop has
 * operators that take milliseconds each, such as `[...list]` or `===` of long strings, that takes seconds and more
 * (docs/containment.md). While V8 compiles the function on another thread, the budget is 2 ** 30 bytes
 * (InterruptBudgetFor in V8's tiering-manager.cc).
 *
 * No line is added, so positions in the result differ from those in the script by their columns only. {@link
 * columnAsWritten} returns the original column.
 */
import { type Node, Parser, type TokenType, tokTypes } from 'acorn'
import { LOOP_CHECK } from '../isolate/inside/loop-check.ts'

export interface LoopChecks {
  /** Name of the global that is called. It does not occur in the script. See isolate/inside/loop-check.ts. */
  name: string
  /**
   * The insertions in order, as three numbers each: line (the first is 0), column before all insertions in UTF-16
   * code units, and length.
   */
  inserted: readonly number[]
}

export interface CheckedCode {
  code: string
  /** Null if the code has no loop and is unchanged. */
  checks: LoopChecks | null
}

/** Methods and fields of acorn's parser that acorn does not declare. */
declare class Internals extends Parser {
  type: TokenType
  value: unknown
  pos: number
  start: number
  exprAllowed: boolean
  readToken(code: number): void
  readRegexp(): void
  parseExprAtom(...rest: unknown[]): Node
  parseYield(...rest: unknown[]): Node
  toAssignable(node: Node | null, ...rest: unknown[]): Node | null
  checkLValSimple(node: Node, ...rest: unknown[]): void
}

/**
 * Finds loops, and leaves all other checks to V8, which compiles the code afterwards. Some checks of acorn take
 * quadratic time (45,000 declared names took 3 s, 37,000 named groups 7 s). Some reject code that V8 accepts (`f() =
 * 1`).
 *
 * As in V8, a slash begins a regular expression if the grammar expects an operand; otherwise it is a division. acorn
 * decides by the preceding tokens, and decides wrongly after `x = async function () {}`, for example.
 */
const LoopParser = Parser.extend(
  (Base) =>
    class extends (Base as typeof Internals) {
      #wantsOperand = false

      override readToken(code: number): void {
        if (code === SLASH) this.exprAllowed = this.#wantsOperand
        this.#wantsOperand = false
        super.readToken(code)
      }

      /** acorn reads a regular expression here if the token is a slash. */
      override parseExprAtom(...rest: unknown[]): Node {
        if (this.type === tokTypes.assign && this.value === '/=') {
          this.pos = this.start + 1
          this.readRegexp()
        }
        return super.parseExprAtom(...rest)
      }

      /** acorn decides by the next token whether `yield` has an operand. */
      override parseYield(...rest: unknown[]): Node {
        this.#wantsOperand = true
        return super.parseYield(...rest)
      }

      declareName(): void {}
      validateRegExpFlags(): void {}
      validateRegExpPattern(): void {}

      /** acorn turns a stack overflow into a SyntaxError; the original error is needed here. */
      catchStackOverflow<Result>(act: () => Result): Result {
        return act()
      }

      override toAssignable(node: Node | null, ...rest: unknown[]): Node | null {
        return node?.type === 'CallExpression' ? node : super.toAssignable(node, ...rest)
      }

      override checkLValSimple(node: Node, ...rest: unknown[]): void {
        if (node.type !== 'CallExpression') super.checkLValSimple(node, ...rest)
      }
    } as unknown as typeof Parser,
)
const SLASH = 0x2f

const NAME = '__siplet_loop'
const NAMES = new RegExp(`${NAME}(\\d+)`, 'g')
/** Line breaks of V8, and of its source maps. */
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
 * Returns the code of a script with loop checks. They call a global whose name does not occur in the code.
 *
 * @param code a classic script
 * @throws SyntaxError of acorn, with `loc`; RangeError if the code is nested too deeply for the stack
 */
export function withLoopChecks(code: string): CheckedCode {
  const found = find(code)
  if (found.loops.length === 0) return { code, checks: null }
  const name = unusedName(code, found.names)
  return insert(code, name, insertions(found, name))
}

/**
 * Returns code that a running script created, with loop checks, or the unchanged code if it has no loop.
 *
 * @param name name of the global that loops call. If the code contains the name, it could shadow the global; then
 *   each loop calls a function that is inserted into the loop itself.
 * @throws the same errors as {@link withLoopChecks}
 */
export function withLoopChecksOf(code: string, name: string): string {
  const found = find(code)
  if (found.loops.length === 0) return code
  const known = code.includes(name) || found.names.has(name)
  return insert(code, name, insertions(found, known ? null : name)).code
}

interface Found {
  names: ReadonlySet<string>
  loops: readonly Loop[]
  regexps: readonly Node[]
}

interface Loop {
  body: Node
  /** Whether the loop is inside a `with`, whose object may have a property of any name. */
  inWith: boolean
}

function find(code: string): Found {
  const names = new Set<string>()
  const loops: Loop[] = []
  const regexps: Node[] = []
  const nodes: Node[] = LOOP_KEYWORD.test(code)
    ? [LoopParser.parse(code, { ecmaVersion: 'latest', sourceType: 'script' })]
    : []
  const inWith = new Set<Node>()
  for (let node = nodes.pop(); node !== undefined; node = nodes.pop()) {
    // A name may be written with escapes.
    if ('name' in node && typeof node.name === 'string') names.add(node.name)
    if ('regex' in node) regexps.push(node)
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
  return { names, loops, regexps }
}

/** Returns the column that a position had before the insertions, in UTF-16 code units, starting at 0. */
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

function unusedName(code: string, names: ReadonlySet<string>): string {
  const numbers = new Set<number>()
  const note = (text: string) => {
    for (const [, digits] of text.matchAll(NAMES)) numbers.add(Number(digits))
  }
  note(code)
  for (const name of names) note(name)
  let number = 0
  while (numbers.has(number)) number++
  return `${NAME}${number}`
}

interface Insertion {
  at: number
  text: string
}

/** @param name name of the global to call; null to call no global */
function insertions({ loops, regexps }: Found, name: string | null): Insertion[] {
  const starts: Insertion[] = []
  const ends: Insertion[] = []
  for (const { body, inWith } of loops) {
    const { type, start, end } = body
    const call = inWith || name === null ? `(${LOOP_CHECK})();` : `${name}();`
    if (type === 'BlockStatement') starts.push({ at: start + 1, text: call })
    else {
      starts.push({ at: start, text: `{${call}` })
      ends.push({ at: end, text: '}' })
    }
  }
  // V8 also expects an operand after a parenthesis. Without the parenthesis, V8 could divide where acorn found a
  // regular expression, and would then run the content of the expression without checks.
  for (const { start, end } of regexps) {
    starts.push({ at: start, text: '(' })
    ends.unshift({ at: end, text: ')' })
  }
  // At the same position, ends come before starts.
  const list = [...ends, ...starts]
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

/** Returns the index of the first insertion in this line or a later one. */
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
