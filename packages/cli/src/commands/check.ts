import { createEngine } from '@siplet/engine'
import type { Command } from 'commander'
import { EXIT } from '../errors.ts'
import { engineOptions, type PoolOptions, type ScriptOptions, scriptCommand, withPool } from '../options.ts'

export function checkCommand(finish: (exitCode: number) => void): Command {
  return withPool(scriptCommand('check'))
    .description('Load a script, run its init function and its child-init method, and list its methods.')
    .action(async (options: ScriptOptions & PoolOptions) => {
      const start = performance.now()
      await using engine = await createEngine(engineOptions(options, options))
      const ready = performance.now() - start
      const { children, modInit, childInit, script } = options
      const methods = engine.methods.filter((name) => name !== childInit)
      console.log(
        `${script}: ${modInit}() and ${childInit}(rank) ran in ${children} ${children === 1 ? 'child' : 'children'}, ready in ${ready.toFixed(0)} ms`,
      )
      console.log(`methods: ${methods.length === 0 ? 'none' : methods.join(', ')}`)
      finish(EXIT.DONE)
    })
}
