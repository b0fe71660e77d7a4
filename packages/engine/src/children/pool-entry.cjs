/**
 * The file that Node runs in the pool process and in each of its threads. It runs code that the host bundled into one
 * text (pool-code.ts). The process reads the text from stdin and passes it to its threads, so neither reads nor
 * compiles our sources file by file. This file is plain JavaScript because Node needs about 40 ms of processor time
 * before it can strip types.
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
