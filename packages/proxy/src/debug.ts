/**
 * Debug output on stderr, for people who look for a fault: `NODE_DEBUG=siplet:transaction,siplet:connection`, or
 * `NODE_DEBUG=siplet:*`. Peers choose some of the texts, so
 * those go through `printable`, which escapes control characters.
 */
import { debuglog } from 'node:util'

/** Client and server transactions: created, terminated. */
export const debugTransaction = debuglog('siplet:transaction')
/** Connections of stream transports: established, closed. */
export const debugConnection = debuglog('siplet:connection')
/** Branches: targets tried, and how each branch ended. */
export const debugBranch = debuglog('siplet:branch')
