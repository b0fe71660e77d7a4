/** For unit tests of routing scripts, with any test runner: the script runs in the same isolate as in production. */

export { type RunScriptOptions, runScript } from './run-script.ts'
export {
  createTestMessage,
  type TestMessageOptions,
  type TestReply,
  type TestRequest,
} from './test-message.ts'
