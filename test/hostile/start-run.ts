/**
 * Runs attacks on the start of a child. createEngine must settle with an engine or a typed error. After a start that
 * does not end, waiting execs must be answered, and the engine must close.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createEngine, type Engine, SipletError } from '@siplet/engine'
import { keepingLogger, scriptFolder } from '../support/engine.ts'
import type { Language, StartAttack } from './attack.ts'
import type { Isolation, Seen } from './attack-run.ts'

const LIMITS = { timeoutMs: 100, initTimeoutMs: 400, maxLogLines: 10 }
/**
 * Time from the start of the first engine of a group until the scripts attack: milliseconds for each engine that
 * starts.
 */
const PEACE_MS: Record<Isolation, number> = { inline: 200, thread: 300, process: 1_000 }
const MESSAGE = 'INVITE sip:bob@example.net SIP/2.0\r\nCall-ID: start@example.org\r\nCSeq: 1 INVITE\r\n\r\n'

/** Methods that `rebuild` needs. A script of that kind contains them at this marker. */
const METHODS: Record<Language, string> = {
  JavaScript: 'probe() { return 1 }, spin() { for (;;) {} },',
  Python: 'def probe(self, msg):\n        return 1\n    def spin(self, msg):\n        while True: pass\n',
}

/** Runs all of them. `tell` is called with the index of each before it may do harm. */
export async function runStarts(
  attacks: readonly StartAttack[],
  language: Language,
  isolation: Isolation,
  slowness: number,
  tell: (place: number) => void,
): Promise<Seen[]> {
  const attackAt = Date.now() + PEACE_MS[isolation] * attacks.length * slowness
  const started: { engine: Engine | undefined; outcome: string; detail: string }[] = []
  for (const [place, attack] of attacks.entries()) {
    tell(place)
    started.push(await start(attack, language, isolation, slowness, attackAt))
  }
  const seen: Seen[] = []
  for (const [place, { engine, outcome, detail }] of started.entries()) {
    const attack = attacks[place]!
    if (engine === undefined) {
      seen.push(judged(attack, attack.when === 'start' ? outcome : `${outcome} before the attack`, detail))
      continue
    }
    tell(place)
    if (attack.when === 'rebuild') {
      await sleep(Math.max(0, attackAt + 50 - Date.now()))
      await engine.exec('spin', MESSAGE)
    }
    const [result, again] = await Promise.all([engine.exec('probe', MESSAGE), engine.exec('probe', MESSAGE)])
    await engine.close()
    const answer = String(result.error?.code ?? result.code)
    const sameAgain = answer === String(again.error?.code ?? again.code)
    seen.push(judged(attack, sameAgain ? answer : 'two answers', result.error?.message ?? ''))
  }
  return seen
}

async function start(
  attack: StartAttack,
  language: Language,
  isolation: Isolation,
  slowness: number,
  attackAt: number,
): Promise<{ engine: Engine | undefined; outcome: string; detail: string }> {
  const { folder, write } = scriptFolder()
  for (const [name, text] of Object.entries(attack.files ?? {})) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), text)
  }
  const source = attack.source
    .replaceAll('START_OF_ATTACK', String(attackAt))
    .replaceAll('METHODS', METHODS[language])
  const scriptName = write(language === 'Python' ? 'hostile.py' : 'hostile.js', source)
  const limits = {
    ...LIMITS,
    initTimeoutMs: LIMITS.initTimeoutMs * slowness,
    memoryMb: language === 'Python' ? 32 : 16,
    ...attack.limits,
  }
  try {
    const engine = await createEngine({ scriptName, isolation, limits, logger: keepingLogger() })
    return { engine, outcome: '', detail: '' }
  } catch (error) {
    const outcome = error instanceof SipletError ? error.code : 'not a SipletError'
    return { engine: undefined, outcome, detail: String(error) }
  }
}

function judged({ expect }: StartAttack, outcome: string, detail: string): Seen {
  const expected = [expect].flat().map(String)
  const held = expected.includes(outcome)
  return {
    held,
    outcome,
    problem: held ? null : `${outcome} instead of ${expected.join(' or ')} (${detail.slice(0, 300)})`,
  }
}
