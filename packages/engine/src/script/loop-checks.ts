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
import { type Node, Parser, type TokenType, tokTypes } from 'acorn'
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

/** Methods and fields that acorn's parser has, and does not declare. */
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
 * Finds loops, and leaves to V8 whatever else may be wrong: V8 compiles the code afterwards. Some of acorn's checks take
 * quadratic time (45,000 declared names took 3 s, 37,000 named groups 7 s), and some refuse what V8 takes (`f() = 1`).
 *
 * A slash begins a regexp where the grammar wants an operand, and divides anywhere else, as in V8. acorn guesses by the
 * tokens before the slash, and guesses wrong after `x = async function () {}`, for example.
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

      /** acorn itself reads a regexp here if the token is a slash. */
      override parseExprAtom(...rest: unknown[]): Node {
        if (this.type === tokTypes.assign && this.value === '/=') {
          this.pos = this.start + 1
          this.readRegexp()
        }
        return super.parseExprAtom(...rest)
      }

      /** Whether `yield` has an operand, acorn decides by the token that follows. */
      override parseYield(...rest: unknown[]): Node {
        this.#wantsOperand = true
        return super.parseYield(...rest)
      }

      declareName(): void {}
      validateRegExpFlags(): void {}
      validateRegExpPattern(): void {}

      /** acorn makes a SyntaxError of a stack that is used up. */
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
 * The code of a script with loop checks. They call a global whose name stands nowhere in the code.
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
 * Code that a running script made, with loop checks. The code itself if it has no loop.
 *
 * @param name of the global that loops call. Code that contains the name does not rely on it: its loops call a function
 *   that stands in the loop.
 * @throws the same as {@link withLoopChecks}
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
  /** Whether it stands in a `with`, whose object may have a property of any name. */
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

/** @param name of the global to call; null to call no global */
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
  // After a parenthesis, V8 reads a regexp, too. Without it, V8 could divide where acorn found a regexp, and run what
  // stands in it, without a check.
  for (const { start, end } of regexps) {
    starts.push({ at: start, text: '(' })
    ends.unshift({ at: end, text: ')' })
  }
  // At the same place, one thing ends before the next one starts.
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
