/**
 * What Node runs in the pool process and in each of its threads: code that the host made one text of (pool-code.ts). The
 * process reads it from stdin, its threads get it from the process. So neither reads or compiles our sources file by file.
 * Plain JavaScript, since Node takes about 40 ms of processor time to get ready to strip types.
 */
'use strict'
const { readFileSync } = require('node:fs')
const { pathToFileURL } = require('node:url')
const { compileFunction } = require('node:vm')
const { isMainThread, workerData } = require('node:worker_threads')

const STDIN_FD = 0
const code = isMainThread ? JSON.parse(readFileSync(STDIN_FD, 'utf8')) : workerData
const [text, filename] = isMainThread
  ? [code.host, 'siplet:pool-process']
  : [code.worker, 'siplet:pool-worker']
const parameters = ['module', 'exports', 'require', 'ENTRY_URL']
compileFunction(text, parameters, { filename })(
  module,
  module.exports,
  require,
  pathToFileURL(__filename).href,
)
if (isMainThread) module.exports.serveHost(code)
