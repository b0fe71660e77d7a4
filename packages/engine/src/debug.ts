/**
 * Debug output on stderr, for people who look for a fault in siplet or in its use: `NODE_DEBUG=siplet:queue,siplet:pool`,
 * or `NODE_DEBUG=siplet:*` (https://nodejs.org/api/util.html#utildebuglogsection-callback). On the path of an exec, test
 * `enabled` first: then a channel that is off costs next to nothing.
 */
import { debuglog } from 'node:util'

/** Batches, rebuilds and starts of each child. */
export const debugQueue = debuglog('siplet:queue')
/** Starts and ends of the pool process. */
export const debugPool = debuglog('siplet:pool')
