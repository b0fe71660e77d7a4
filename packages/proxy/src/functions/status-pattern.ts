/**
 * The expressions of t_check_status: the part of POSIX expressions that makes sense for a status, such as
 * "(486)|(408)", "5[0-9][0-9]" or "4..". Matching tracks the set of reachable places, so it takes linear time. The
 * expression comes from a script: with three digits, a JavaScript regular expression could keep the whole proxy busy
 * for years.
 */

/** Returns the places in the text that can be reached from the given ones. */
type Step = (text: string, from: ReadonlySet<number>) => Set<number>

const MAX_LENGTH = 100
/** Upper bound on nested repetitions. Their time grows with a power of the depth. */
const MAX_DEPTH = 4

/**
 * Returns a function that tells whether the expression matches the whole text.
 *
 * @throws Error that says what is wrong with the expression
 */
export function statusPattern(expression: string): (text: string) => boolean {
  if (expression.length > MAX_LENGTH) {
    throw new Error(`t_check_status(): the expression is longer than ${MAX_LENGTH} characters`)
  }
  const step = new PatternParser(expression).whole()
  return (text) => step(text, new Set([0])).has(text.length)
}

class PatternParser {
  readonly #text: string
  #at = 0
  #depth = 0

  constructor(text: string) {
    this.#text = text
  }

  whole(): Step {
    const step = this.#alternatives()
    if (this.#at < this.#text.length) throw this.#error()
    return step
  }

  #alternatives(): Step {
    const steps = [this.#sequence()]
    while (this.#take('|')) steps.push(this.#sequence())
    return (text, from) => new Set(steps.flatMap((step) => [...step(text, from)]))
  }

  #sequence(): Step {
    const steps: Step[] = []
    while (this.#at < this.#text.length && !'|)'.includes(this.#text[this.#at]!)) steps.push(this.#repeated())
    return (text, from) => steps.reduce<Set<number>>((places, step) => step(text, places), new Set(from))
  }

  #repeated(): Step {
    const step = this.#one()
    if (this.#take('?')) return (text, from) => new Set([...from, ...step(text, from)])
    if (this.#take('+')) return (text, from) => closure(step, text, step(text, from))
    if (this.#take('*')) return (text, from) => closure(step, text, from)
    return step
  }

  #one(): Step {
    if (this.#take('(')) {
      if (++this.#depth > MAX_DEPTH) throw this.#error()
      const step = this.#alternatives()
      if (!this.#take(')')) throw this.#error()
      this.#depth--
      return step
    }
    // Anchors have no effect: the expression always matches the whole text.
    if (this.#take('^') || this.#take('$')) return (_text, from) => new Set(from)
    if (this.#take('.')) return consuming(() => true)
    if (this.#take('[')) return this.#set()
    const [digit] = /^\d/.exec(this.#text.slice(this.#at)) ?? []
    if (digit === undefined) throw this.#error()
    this.#at++
    return consuming((character) => character === digit)
  }

  /** `[0-9]`, `[^5]`, `[046-8]`. */
  #set(): Step {
    const [set, not, ranges] = /^(\^?)((?:\d(?:-\d)?)+)\]/.exec(this.#text.slice(this.#at)) ?? []
    if (set === undefined) throw this.#error()
    this.#at += set.length
    const pairs = [...ranges!.matchAll(/(\d)(?:-(\d))?/g)].map(
      ([, low, high = low]) => [low!, high!] as const,
    )
    const within = (character: string) => pairs.some(([low, high]) => low <= character && character <= high)
    return consuming((character) => within(character) !== (not === '^'))
  }

  #take(character: string): boolean {
    if (this.#text[this.#at] !== character) return false
    this.#at++
    return true
  }

  #error(): Error {
    return new Error(
      `t_check_status(): ${JSON.stringify(this.#text)} is no expression for a status: write one such as "(486)|(408)" or "5[0-9][0-9]"`,
    )
  }
}

function consuming(matches: (character: string) => boolean): Step {
  return (text, from) => {
    const to = new Set<number>()
    for (const place of from) if (place < text.length && matches(text[place]!)) to.add(place + 1)
    return to
  }
}

/** Repeats the step as long as it reaches new places. */
function closure(step: Step, text: string, from: ReadonlySet<number>): Set<number> {
  const reached = new Set(from)
  for (let size = -1; size !== reached.size; ) {
    size = reached.size
    for (const place of step(text, reached)) reached.add(place)
  }
  return reached
}
