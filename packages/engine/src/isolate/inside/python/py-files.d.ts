/** esbuild inserts our own Python modules into the prelude as texts. */
declare module '*.py' {
  const source: string
  export default source
}
