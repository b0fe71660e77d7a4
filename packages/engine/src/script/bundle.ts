/** A script ready for an isolate: one text without imports. */
export interface Bundle {
  /** Path as the stack traces show it. */
  fileName: string
  code: string
  /** Global that holds the script's exports; null where the script defines plain globals. */
  globalName: string | null
  /** Source map (version 3, JSON), null where `code` is the script as written. */
  map: string | null
}
