/// <reference types="node" preserve="true" />
/**
 * The engine: a pool of V8 isolates that runs the methods of a routing script.
 *
 * @module @siplet/engine
 */

export { SIPMessage } from '@siplet/sipmsg'
export type { EngineConfig, EngineOptions, Limits, Logger } from './config.ts'
export type { ChildStats } from './dispatch/child-queue.ts'
export { createEngine, type Engine } from './engine.ts'
export { ERRORS, type ErrorCode, SipletError } from './errors.ts'
export type { ExecOptions } from './exec-arguments.ts'
export type { ExecResult, ResultMessage } from './exec-result.ts'
export type { EmbedderFunction, FunctionMessage } from './functions/function-message.ts'
export { escapedJSON, printable, printableJSON, printableLines } from './printable.ts'
export { scriptSources } from './script/sources.ts'
export type { EngineStats } from './stats.ts'
export type { Address, Route } from './wire/request.ts'
export type { LogLevel, LogLine } from './wire/verdict.ts'
