/**
 * Runs attacks on one engine, each in a child of its own. Before and after each attack, in the same batch and in a
 * later one, the child must answer other messages correctly. So must a bystander: one more child, which nothing
 * attacks.
 */
import { type Engine, type EngineOptions, type ExecResult, SipletError } from '@siplet/engine'
import { scriptFile, withEngine } from '../support/engine.ts'
import type { Attack, Language } from './attack.ts'
import { FUNCTIONS } from './functions.ts'
import { flawOf } from './well-formed.ts'

export type Isolation = NonNullable<EngineOptions['isolation']>

/** The result of an attack. */
export interface Seen {
  held: boolean
  /** The error code or integer that answered the attack, or how the host ended. */
  outcome: string
  /** What was wrong. Null if the attack was held. */
  problem: string | null
}

const LIMITS = {
  timeoutMs: 150,
  memoryMb: 16,
  maxResultBytes: 65_536,
  maxLogLines: 10,
  initTimeoutMs: 60_000,
}
const PYTHON_LIMITS = { ...LIMITS, memoryMb: 32 }
/**
 * A generous limit, because anything may take long on a busy machine. The time limit must only stop attacks that are
 * expected to reach it.
 */
export const LONG_MS = 10_000

const URI = 'sip:bob@example.net'
const message = (callId: string) =>
  [
    `INVITE ${URI} SIP/2.0`,
    'Via: SIP/2.0/UDP client.example.org;branch=z9hG4bK1',
    'f: Alice <sip:alice@example.org>;tag=1',
    'To: <sip:bob@example.net>',
    `Call-ID: ${callId}`,
    'CSeq: 1 INVITE',
    'Subject: hello,',
    ' world',
    'Content-Type: text/plain',
    'Content-Length: 4',
    '',
    'body',
  ].join('\r\n')

/** The probe creates the values, not the test: patches of a script must not reach them. */
const PROBE = `
  probe(msg, extra) {
    if (msg.Method !== 'INVITE' || msg.RURI !== '${URI}' || msg.body !== 'body') return 2
    if (msg.getHeader('From') !== 'Alice <sip:alice@example.org>;tag=1') return 3
    if (msg.getHeader('s') !== 'hello, world' || msg.FromTag !== '1') return 4
    if (msg.getHeaders('v').length !== 1 || msg.src_address[1] !== 5099) return 6
    msg.setHeader('X-Probe', extra)
    msg.rewrite_ruri('sip:carol@example.net')
    return msg.RURI === 'sip:carol@example.net' ? 10 + extra.length : 5
  }`

const PYTHON_PROBE = `
    def probe(self, msg, extra):
        if msg.Method != 'INVITE' or msg.RURI != '${URI}' or msg.body != 'body':
            return 2
        if msg.getHeader('From') != 'Alice <sip:alice@example.org>;tag=1':
            return 3
        if msg.getHeader('s') != 'hello, world' or msg.FromTag != '1':
            return 4
        if len(msg.getHeaders('v')) != 1 or msg.src_address[1] != 5099:
            return 6
        msg.setHeader('X-Probe', extra)
        msg.rewrite_ruri('sip:carol@example.net')
        return 10 + len(extra) if msg.RURI == 'sip:carol@example.net' else 5
`

const SOURCES: Record<Language, (attacks: readonly Attack[]) => string> = {
  JavaScript: (attacks) => `
const ATTACKS = [
${attacks
  .map(({ setup = '', attack }) => `() => {\n${setup}\nreturn function attack(msg) {\n${attack}\n}\n}`)
  .join(',\n')}
]
class Hostile {
  child_init(rank) { this.rank = rank; if (rank <= ATTACKS.length) this.attack = ATTACKS[rank - 1](); return 0 }
${PROBE}
}
function mod_init() { return new Hostile() }`,
  Python: (attacks) => `${attacks
    .map(
      ({ setup = '', attack }, index) => `
def attack_${index + 1}():
${indented(setup, 4)}
    def attack(self, msg):
${indented(attack, 8)}
    return attack
`,
    )
    .join('')}
class Hostile:
    def child_init(self, rank):
        if rank <= ${attacks.length}:
            self.attack_of_rank = (${attacks.map((_, index) => `attack_${index + 1}`).join(', ')},)[rank - 1]()
        return 0
    def attack(self, msg):
        return self.attack_of_rank(self, msg)
${PYTHON_PROBE}
def mod_init():
    return Hostile()
`,
}

function indented(text: string, spaces: number): string {
  return text.trim().replace(/^/gm, ' '.repeat(spaces))
}

/**
 * Runs the attacks one after another.
 *
 * @param slowness factor by which the machine is assumed to be slower than usual
 * @returns the results in order; a single element for all attacks if the engine did not start
 */
export async function runAttacks(
  attacks: readonly Attack[],
  language: Language,
  isolation: Isolation,
  slowness: number,
): Promise<Seen[]> {
  const timed = attacks.some(isTimed)
  const limits = {
    ...(language === 'Python' ? PYTHON_LIMITS : LIMITS),
    timeoutMs: timed ? LIMITS.timeoutMs * slowness : LONG_MS,
    ...attacks[0]!.limits,
  }
  const scriptName = scriptFile(
    SOURCES[language](attacks),
    language === 'Python' ? 'hostile.py' : 'hostile.js',
  )
  const functions = attacks[0]!.functions ? FUNCTIONS : {}
  try {
    return await withEngine(
      '',
      { scriptName, isolation, limits, functions, children: attacks.length + 1 },
      (engine) => attackAll(engine, attacks),
    )
  } catch (error) {
    const outcome = error instanceof SipletError ? error.code : 'not a SipletError'
    return [judged(attacks[0]!, outcome, `createEngine: ${error}`, null)]
  }
}

export function isTimed({ expect, uninterrupted }: Attack): boolean {
  return [expect].flat().includes('ERR_SIPLET_TIMEOUT') || uninterrupted !== undefined
}

/** Returns whether the attack needs an engine of its own. */
export function isLonely({ expect, uninterrupted, limits }: Attack): boolean {
  return (
    [expect].flat().includes('ERR_SIPLET_CHILD_LOST') || uninterrupted !== undefined || limits !== undefined
  )
}

async function attackAll(engine: Engine, attacks: readonly Attack[]): Promise<Seen[]> {
  const callIds = await callIdOfEachRank(engine, attacks.length + 1)
  const seen: Seen[] = []
  for (const [index, attack] of attacks.entries()) {
    const own = callIds[index]!
    const probe = (callId: string, extra: string) =>
      engine.exec('probe', message(callId), { extraArgs: extra, src: ['192.0.2.1', 5099] })
    const [before, attacked, ...after] = await Promise.all([
      probe(own, 'a'),
      engine.exec('attack', message(own)),
      probe(own, 'aa'),
      probe(own, 'aaa'),
      probe(callIds.at(-1)!, 'aaaa'),
    ])
    const later = await probe(own, 'aaaaa')
    const outcome = String(attacked.error?.code ?? attacked.code)
    const flaw =
      flawOf(attacked, /^INVITE [^ ]+ SIP\/2\.0$/) ??
      [before, ...after, later]
        .map((result, place) => flawOfProbe(result, place + 1, attack.harmsItself === true && place !== 3))
        .find((found) => found !== null) ??
      null
    seen.push(judged(attack, outcome, attacked.error?.message, flaw))
  }
  // What one attack leaves must not show in another child, however late.
  for (const [index, callId] of callIds.entries()) {
    const result = await engine.exec('probe', message(callId), { extraArgs: 'a', src: ['192.0.2.1', 5099] })
    const flaw = flawOfProbe(result, 1, attacks[index]?.harmsItself === true)
    const blamed = Math.min(index, attacks.length - 1)
    if (flaw !== null) seen[blamed] = { ...seen[blamed]!, held: false, problem: `at the end, ${flaw}` }
  }
  const ranks = engine.stats().children.map(({ rank }) => rank)
  if (ranks.some((rank, index) => rank !== index + 1)) throw new Error(`the ranks are ${ranks}`)
  return seen
}

/** Returns Call-IDs whose messages are run by rank 1, 2 and so on. */
async function callIdOfEachRank(engine: Engine, count: number): Promise<string[]> {
  const callIds: string[] = []
  for (let number = 0, found = 0; found < count; number++) {
    const callId = `hostile-${number}@example.org`
    const { child } = await engine.exec('probe', message(callId), { extraArgs: 'a' })
    if (callIds[child - 1] !== undefined) continue
    callIds[child - 1] = callId
    found++
  }
  return callIds
}

function judged(
  attack: Attack,
  outcome: string,
  errorMessage: string | undefined,
  flaw: string | null,
): Seen {
  const expected = [attack.expect].flat().map(String)
  const problem = expected.includes(outcome)
    ? flaw
    : `${outcome} instead of ${expected.join(' or ')}${errorMessage === undefined ? '' : ` (${errorMessage})`}${flaw === null ? '' : `; ${flaw}`}`
  return { held: problem === null, outcome, problem }
}

/** @param length length of the extra argument of the probe */
function flawOfProbe(result: ExecResult, length: number, anyAnswer: boolean): string | null {
  if (anyAnswer) return flawOf(result, /^INVITE [^ ]+ SIP\/2\.0$/)
  const { code, error } = result
  if (error !== null)
    return `probe ${length} of 6 was answered with ${error.code}: ${error.message.slice(0, 200)}`
  if (code !== 10 + length) return `probe ${length} of 6 was answered with ${code}`
  const edited = message(result.message.callId!)
    .replace(URI, 'sip:carol@example.net')
    .replace('\r\n\r\n', `\r\nX-Probe: ${'a'.repeat(length)}\r\n\r\n`)
  return result.message.toBuffer().toString() === edited
    ? null
    : `probe ${length} of 6 has other edits than its own`
}
