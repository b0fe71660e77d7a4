/**
 * Tests loop checks in random texts: `node test/fuzz/loop-texts.ts [--runs N] [--seed S] [--first K]`. Input K
 * of a seed is a text of odd tokens with loops between them. V8 itself says which loops are code: if such a loop breaks
 * to a label that does not exist, the text no longer compiles. Exits with 1 at the first text in which such a loop has
 * no check, or in which anything else has one.
 */
import { parseArgs } from 'node:util'
import { Script } from 'node:vm'
import { type CheckedCode, withLoopChecks } from '../../packages/engine/src/script/loop-checks.ts'
import { type Random, randomOf } from './random.ts'

/** Number of loops in each text. */
const LOOPS = 2
/** Upper bound on tokens before, between and after the loops. */
const MAX_TOKENS = 3

const TOKENS =
  // Templates are among the pieces.
  (
    'a b 1 "s" \' " / / /g /g ` ` } } } { { ( ( ) ) [ ] ; ; , : ? ?. . .. ... => = == ++ -- ! ~ - + * < > % & | ^ # @ \\ ' +
    '/re/ /=/ /= /[/]/ // /* */ <!-- --> `t` (()=>{ })() ' +
    'async await of yield let get set static new.target function function() function*() class class{ class{} super this ' +
    'return throw if if(a) else while(0) do with(a) switch case default: try catch finally{} break continue ' +
    'var const typeof void delete in instanceof new import( using x: (x) x=> (x)=> async() async()=>'
  )
    .split(' ')
    .concat(['\n', '\n', '\n', '\r\n', '\u2028', ' '])

/** Operands, and heads of functions and classes: random tokens seldom form them. */
const PIECES = [
  'async function(){}',
  'async function a(){}',
  'function(){}',
  'function*(){',
  'function*(){yield',
  '({*a(){yield',
  'function*(){}',
  'async function*(){',
  'class{}',
  'class{',
  'class a extends',
  '()=>{}',
  'async()=>{}',
  'a?.return',
  'a?.if',
  'a?.function',
  'a?.class',
  'a?.of',
  'a?.yield',
  'a.if(a)',
  '0?a:',
  'a=',
  '({a(){',
  '({get a(){',
  '`${',
]

/** Text around a loop, so that the rest of the text decides whether the loop is code. */
const AROUND: readonly [before: string, after: string][] = [
  ['', ''],
  ['\n/(()=>{', '})()/g'],
  ['/(()=>{', '})()/g'],
  ['`${()=>{', '}}`'],
  ['}`+(()=>{', '})+`${'],
  ['"/', '/"'],
  ['/"/;', '/"/'],
  ['/`/;', '/`/'],
]

type Tried = {
  text: string
  /** The loops with which the text was made. */
  loops: { isCode: boolean; isChecked: boolean }[]
  /** The error of the loop checks' parser for a text that V8 accepts. */
  refused: string | null
}

/** Returns undefined if V8 does not accept the text. */
function tryText(text: string): Tried | undefined {
  if (!compiles(text)) return undefined
  let checked: CheckedCode
  try {
    checked = withLoopChecks(text)
  } catch (error) {
    return { text, loops: [], refused: (error as Error).message }
  }
  if (!compiles(checked.code)) throw new Error(`no longer compiles: ${checked.code}`)
  const loops = Array.from({ length: LOOPS }, (_, number) => ({
    isCode: !compiles(text.replace(bodyOf(number), `${bodyOf(number)} q`)),
    isChecked: checked.code.includes(`();${bodyOf(number)}`),
  }))
  return { text, loops, refused: null }
}

function bodyOf(number: number): string {
  return `a${number};break`
}

function compiles(code: string): boolean {
  try {
    new Script(code)
    return true
  } catch {
    return false
  }
}

function textOf(random: Random): string {
  const parts: string[] = []
  for (let number = 0; number <= LOOPS; number++) {
    for (let count = random(MAX_TOKENS); count > 0; count--) {
      const list = random(2) === 0 ? PIECES : TOKENS
      parts.push(list[random(list.length - 1)]!)
    }
    if (number === LOOPS) break
    const [before, after] = AROUND[random(AROUND.length - 1)]!
    parts.push(before, `for(;;){${bodyOf(number)}}`, after)
  }
  return parts.join(random(3) === 0 ? '' : ' ')
}

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '100000' },
    seed: { type: 'string', default: '1' },
    first: { type: 'string', default: '0' },
  },
})
const [runs, seed, first] = [Number(values.runs), Number(values.seed), Number(values.first)]
let [taken, code, text] = [0, 0, 0]
const refused = new Map<string, string>()
for (let run = first; run < first + runs; run++) {
  const tried = tryText(textOf(randomOf(seed, run)))
  if (tried === undefined) continue
  taken++
  if (tried.refused !== null) refused.set(tried.refused.replace(/\(\d.*/, ''), tried.text)
  for (const { isCode, isChecked } of tried.loops) {
    if (isCode) code++
    else text++
    if (isCode === isChecked) continue
    console.error(
      `input ${run} of seed ${seed}: a loop is ${isCode ? 'not checked' : 'no code, and checked'}`,
    )
    console.error(JSON.stringify(tried.text))
    process.exit(1)
  }
}
for (const [why, example] of refused) console.log(`refused: ${why} ${JSON.stringify(example)}`)
console.log(`${runs} inputs, V8 takes ${taken}: ${code} loops and ${text} in other places, no failure`)
