/** Children whose isolates write malformed data. Their prelude does things that a script must never be able to do. */
import { SIPMessage } from '@siplet/sipmsg'
import { createChildren } from '../../packages/engine/src/children/create.ts'
import { Workers } from '../../packages/engine/src/children/idle-workers.ts'
import { type EngineOptions, parseConfig } from '../../packages/engine/src/config.ts'
import { ChildQueue } from '../../packages/engine/src/dispatch/child-queue.ts'
import { Functions } from '../../packages/engine/src/functions/functions.ts'
import { Nesting } from '../../packages/engine/src/functions/nesting.ts'
import { preludes } from '../../packages/engine/src/isolate/host/bundle.ts'
import { loadScript } from '../../packages/engine/src/script/load.ts'
import { encodeRequest } from '../../packages/engine/src/wire/request.ts'
import { handler, scriptFile } from './engine.ts'
import { sip } from './messages.ts'

/** Actions on the area, or calls through the gates. Each runs after a batch with a message that names the action. */
export const GARBLINGS: Record<string, string> = {
  'random bytes': 'for (let i = 0; i < 4_096; i++) bytes[i] = Math.random() * 256',
  'an unknown kind of record': 'bytes[16] = 77',
  'unknown flags': 'bytes[17] = 255',
  'an unknown log level': 'bytes[16] = 2; bytes[17] = 255',
  'more committed bytes than the area can hold': 'head[0] = 2 ** 30',
  'a negative number of committed bytes': 'head[0] = -1',
  'a record cut short': 'head[0] = head[0] - 1',
  'no result': 'head[0] = 0',
  'no result and no begun exec': 'head[0] = head[1] = 0',
  'more begun execs than sent execs': 'head[1] = 1_000',
  'a negative number of begun execs': 'head[1] = -7',
  'wrong numbers for longer than the interval of progress reports':
    'head[0] = 2 ** 30; head[1] = 1_000; const end = Date.now() + 700; while (Date.now() < end);',
  'decreasing numbers for longer than the interval of progress reports':
    'for (let i = 3; i >= 0; i--) { head[1] = i - 1; const end = Date.now() + 250; while (Date.now() < end); }',
  'more results than execs': 'bytes.copyWithin(16 + head[0], 16, 16 + head[0]); head[0] *= 2; head[1] *= 2',
  'a destination URI with a line break': "write([1, 1, 1, 0, 0, 0, 8, 0, 0, 0, ...text('sip:a\\\\r\\\\nb')])",
  'four billion edits': 'write([1, 2, 1, 0, 0, 0, 255, 255, 255, 255])',
  'an edit beyond the message':
    'write([1, 2, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 127, 1, 0, 0, 127, 0, 0, 0, 0])',
  'an edit that leaves no start line':
    'write([1, 2, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 32])',
  'an unknown error': 'write([1, 4, 255, 255, 255, 255, 99, 0, 0, 0, 0, 0, 0, 0, 0])',
  'a negative run time': 'head[3] = -5',
  'a call that is not JSON': "call('{')",
  'a call with too deeply nested JSON': "call('['.repeat(1_000_000))",
  'a call of an exec that does not exist': `call('{"index":99,"name":"f","args":[],"dstUri":null,"splices":[]}')`,
  'a call with another prototype': `call('{"__proto__":{"index":0},"name":"f"}')`,
  'a call with malformed edits': `call('{"index":0,"name":"f","args":[],"dstUri":null,"splices":[{"start":9,"end":1,"text":"x"}]}')`,
  'a call that is not text': 'call(7)',
}

const WRAPPED = (source: string) => `(() => {
  const prelude = ${source.trim().replace(/;$/, '')}
  const { setup } = prelude
  let bytes, head, gates
  const text = (characters) => [...characters].map((character) => character.charCodeAt(0))
  const write = (record) => { bytes.set(record, 16); head[0] = record.length }
  prelude.setup = (realm, ...given) => {
    const at = given.findIndex((value) => value instanceof SharedArrayBuffer)
    bytes = new Uint8Array(given[at])
    head = new Int32Array(given[at], 0, 4)
    gates = { direct: given[at + 4], waiting: given[at + 5] }
    setup(realm, ...given)
    const { run } = realm
    realm.run = (wait, ...pieces) => garbled(run, wait, pieces)
  }
  const garbled = (run, wait, pieces) => {
    run(wait, ...pieces)
    const call = (json) => wait ? gates.waiting.applySyncPromise(undefined, [json]) : gates.direct(json)
    const garbling = /X-Garble: ([^\\r]*)/.exec(pieces.join(''))
    if (garbling === null) return
    ;({ ${Object.entries(GARBLINGS)
      .map(([name, code]) => `${JSON.stringify(name)}: () => { ${code} }`)
      .join(', ')} })[garbling[1]]()
  }
  return prelude
})()`

interface Answer {
  code: number | undefined
  rank: number
  /** Why the child was lost, or why it cannot be started. */
  reason: string | undefined
  killed: boolean
}

export interface GarblingQueues {
  queues: readonly ChildQueue[]
  /**
   * Runs `route`, which returns the rank, on the queue. `garbling` names the action of {@link GARBLINGS} to run, if
   * any.
   */
  exec(queue: ChildQueue, garbling?: string): Promise<Answer>
  close(): Promise<void>
}

/** Creates two children of that isolation. */
export async function garblingQueues(
  isolation: NonNullable<EngineOptions['isolation']>,
): Promise<GarblingQueues> {
  const scriptName = scriptFile(handler('route() { return this.rank }'))
  const limits = { timeoutMs: 10_000, maxResultBytes: 4_096, callFunctionTimeoutMs: 10_000 }
  const config = parseConfig({ scriptName, isolation, children: 2, limits })
  const functions = new Functions({ f: () => 1 }, config.limits.callFunctionTimeoutMs, new Nesting())
  const workers = new Workers(config.children)
  const answers = new Map<unknown, (answer: Answer) => void>()
  const { prelude, codeChecks } = await preludes('javascript')
  const children = await createChildren(
    config,
    await loadScript(scriptName),
    { prelude: WRAPPED(prelude), codeChecks },
    functions,
    workers,
  )
  const nothing = () => {}
  const queues = children.map(
    (child) =>
      new ChildQueue(
        child,
        { maxBatch: 128, maxBatchBytes: 262_144 },
        {
          ended: (exec, { code }, rank) =>
            answers.get(exec)!({ code, rank, reason: undefined, killed: false }),
          broke: (exec, _ending, _logs, rank, _time, loss, killed) =>
            answers.get(exec)!({ code: undefined, rank, reason: loss?.reason ?? '', killed }),
          refused: (exec, { message }, rank) =>
            answers.get(exec)!({ code: undefined, rank, reason: message, killed: false }),
          started: nothing,
          rebuilt: nothing,
          degraded: nothing,
          recovered: nothing,
        },
      ),
  )
  for (const result of await Promise.all(queues.map((queue) => queue.start()))) {
    if (!result.ok) throw new Error(result.message)
  }
  const exec = (queue: ChildQueue, garbling?: string) =>
    new Promise<Answer>((resolve) => {
      const pending = pendingExec(garbling)
      answers.set(pending, resolve)
      queue.push(pending)
    })
  const close = async () => {
    await Promise.all(queues.map(({ child }) => child.close()))
    await workers.close()
  }
  return { queues, exec, close }
}

function pendingExec(garbling: string | undefined) {
  const headers = garbling === undefined ? [] : [['X-Garble', garbling] as const]
  const message = new SIPMessage(sip({ headers }))
  const nowhere = { srcIp: '', srcPort: 0, dstIp: '', dstPort: 0 }
  const record = encodeRequest({ route: 0, method: 'route', ...nowhere, extra: null, message: message.text })
  const address = ['', 0] as const
  return {
    method: 'route',
    message,
    route: 'REQUEST_ROUTE' as const,
    src: address,
    dst: address,
    context: undefined,
    record,
    at: 0,
    answer: () => {},
  }
}
