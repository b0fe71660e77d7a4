#!/usr/bin/env node
// Plain JavaScript that every Node understands: it has to tell the old ones what is wrong.
import { existsSync } from 'node:fs'
import module from 'node:module'

const NEEDED = 24

if (Number(process.versions.node.split('.')[0]) < NEEDED) {
  console.error(
    `siplet needs Node.js ${NEEDED} or newer, this is ${process.version}: install one, or add the npm package "node" to your project and start siplet through its package manager.`,
  )
  process.exitCode = 2
} else {
  module.enableCompileCache()
  const source = new URL('../src/main.ts', import.meta.url)
  const { main } = await import(existsSync(source) ? source.href : '../dist/main.js')
  process.exitCode = await main(process.argv)
}
