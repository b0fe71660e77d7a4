/**
 * Measures the cost of one script call. It is compared with a plain function call on the same parser (no isolation at
 * all: the physical limit), with other ways to run a script, and with piscina carrying the same bytes to a worker and
 * back without doing anything.
 */
import vm from 'node:vm'
import { Piscina } from 'piscina'
import {
  getQuickJS,
  type QuickJSContext,
  type QuickJSHandle,
  shouldInterruptAfterDeadline,
} from 'quickjs-emscripten'
import type { Case } from '../packages/cli/src/bench/compare.ts'
import type { Figures } from '../packages/cli/src/bench/figures.ts'
import { FLOW, MANY, steadyFlow, throughput } from '../packages/cli/src/bench/throughput.ts'
import { sameWork, sameWorkSource } from './support/same-work.ts'
import { subject } from './support/subject.ts'

const TIMEOUT_MS = 50

export const NAMES = { piscinaMany: `piscina echo, ${MANY} under way` }

export async function run(): Promise<Figures[]> {
  const { message } = subject
  const text = message.toString('latin1')
  const source = await sameWorkSource()
  const expected = sameWork(message).length

  const inContext = vm.runInNewContext(source) as (text: string) => string
  const context = vm.createContext({ text })
  const script = new vm.Script('work(text)')
  vm.runInContext(`work = ${source}`, context)

  using quickjs = (await getQuickJS()).newContext()
  const inQuickJS = quickjs.unwrapResult(quickjs.evalCode(source))

  const piscina = new Piscina({
    filename: new URL('./support/echo.js', import.meta.url).href,
    minThreads: 1,
    maxThreads: 1,
    // The default is one: piscina would then wait for each answer before it sends the next task.
    concurrentTasksPerWorker: MANY,
  })
  const check = (result: string) => {
    if (result.length !== expected) throw new Error(`unexpected: ${result}`)
  }
  const peers: Case[] = [
    { name: 'plain function call', messages: 1, run: () => check(sameWork(message)) },
    { name: 'node:vm, no limits', messages: 1, run: () => check(inContext(message.toString('latin1'))) },
    {
      name: `node:vm, timeout ${TIMEOUT_MS} ms`,
      messages: 1,
      run: () => {
        context.text = message.toString('latin1')
        check(script.runInContext(context, { timeout: TIMEOUT_MS }))
      },
    },
    {
      name: 'quickjs-emscripten',
      messages: 1,
      run: () => check(callQuickJS(quickjs, inQuickJS, message.toString('latin1'))),
    },
    { name: NAMES.piscinaMany, messages: FLOW, run: steadyFlow(() => piscina.run(text)) },
  ]
  try {
    return [await throughput(subject, 2, 1_000, peers)]
  } finally {
    inQuickJS.dispose()
    await piscina.destroy()
  }
}

function callQuickJS(quickjs: QuickJSContext, work: QuickJSHandle, text: string): string {
  quickjs.runtime.setInterruptHandler(shouldInterruptAfterDeadline(Date.now() + TIMEOUT_MS))
  using argument = quickjs.newString(text)
  using result = quickjs.unwrapResult(quickjs.callFunction(work, quickjs.undefined, argument))
  return quickjs.getString(result)
}
