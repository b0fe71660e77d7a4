/// <reference types="node" preserve="true" />
/**
 * Helpers for unit tests of routing scripts. They work with any test runner and run the script in the same kind of
 * isolate as in production.
 *
 * @module @siplet/engine/testing
 */

export { type RunScriptOptions, runScript } from './run-script.ts'
export {
  createTestMessage,
  type TestMessageOptions,
  type TestReply,
  type TestRequest,
} from './test-message.ts'
