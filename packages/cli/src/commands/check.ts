import { createEngine, type Engine, scriptSources } from '@siplet/engine'
import type { Command } from 'commander'
import { EXIT } from '../errors.ts'
import { withManual } from '../manual.ts'
import { engineOptions, type PoolOptions, type ScriptOptions, scriptCommand, withPool } from '../options.ts'
import { say, tell } from '../output/talk.ts'
import { runWatching } from '../watch.ts'

interface CheckCommandOptions extends ScriptOptions, PoolOptions {
  watch?: true
}

/** The methods that replay and exec call by default. */
const USUAL = ['request_route', 'onreply_route']

export function checkCommand(finish: (exitCode: number) => void): Command {
  return withManual(withPool(scriptCommand('check')), {
    details: [
      'Succeeds if the script is usable: it loads, its init function returns an object, and its child-init method returns an integer of at least 0 in every child. Warnings (a method whose name is not the one that is called, an async method) do not change the exit status.',
    ],
    examples: [
      'siplet check --script handler.ts',
      'siplet check --script handler.py --children 4 --isolation process',
      'siplet check --script handler.ts --watch',
    ],
  })
    .description(
      'Load a script, run its init function and its child-init method, list its methods, and warn about common mistakes.',
    )
    .option('-w, --watch', 'check again whenever the script, or a file it imports, changes')
    .action(async (options: CheckCommandOptions) => {
      const run = () => check(options)
      finish(
        options.watch
          ? await runWatching(() => scriptSources(options.script, options.scriptRoot), run)
          : await run(),
      )
    })
}

async function check(options: CheckCommandOptions): Promise<number> {
  const start = performance.now()
  await using engine = await createEngine(engineOptions(options, options))
  const ready = performance.now() - start
  const { children, modInit, childInit, script } = options
  const methods = engine.methods.filter((name) => name !== childInit)
  say(
    `${script}: ${modInit}() and ${childInit}(rank) ran in ${children} ${children === 1 ? 'child' : 'children'}, ready in ${ready.toFixed(0)} ms`,
  )
  say(`methods: ${methods.length === 0 ? 'none' : methods.join(', ')}`)
  for (const warning of warnings(engine, methods)) tell(`warning: ${warning}`)
  return EXIT.DONE
}

function warnings(engine: Engine, methods: readonly string[]): string[] {
  const found: string[] = []
  for (const usual of USUAL) {
    if (methods.includes(usual)) continue
    const meant = methods.find((name) => plain(name) === plain(usual))
    if (meant !== undefined) found.push(`${meant} is not called by itself: did you mean ${usual}?`)
    else if (usual === 'request_route') {
      found.push(
        `there is no request_route: name the method for requests with --request-method (replay) or --method (exec)`,
      )
    }
  }
  for (const name of engine.asyncMethods) {
    found.push(
      `${name} is an async function or a generator: methods must return an integer at once; drop async, and use call_function for what takes time`,
    )
  }
  return found
}

/** Returns only the letters of a name, so that requestRoute and request_route are equal. */
function plain(name: string): string {
  return name.toLowerCase().replaceAll('_', '')
}
