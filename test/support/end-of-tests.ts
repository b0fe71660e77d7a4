/** Ends the test run with an error if something that a test left open keeps the process alive, such as an engine. */
const GRACE_MS = 60_000

export const mochaHooks = {
  afterAll(): void {
    setTimeout(() => {
      const resources = process.getActiveResourcesInfo().join(', ')
      console.error(`All tests have ended, but these resources keep the process alive: ${resources}`)
      // mocha's own listener sets the exit code to the number of tests that failed.
      process.once('exit', () => {
        process.exitCode = 1
      })
      process.exit()
    }, GRACE_MS).unref()
  },
}
