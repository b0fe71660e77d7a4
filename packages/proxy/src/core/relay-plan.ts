/** How a request is relayed, as the script decided. */
import type { SIPMessage } from '@siplet/sipmsg'

/** Where a branch is sent, as decided by the script. */
export interface BranchPlan {
  /** The request with the edits for this branch. Not shared with other branches. */
  readonly message: SIPMessage
  readonly dstUri: string | null
  /** Parameters of our Record-Route. Null if no Record-Route is added. */
  readonly recordRoute: string | null
}

/** Branches that are tried in parallel, and the routes for them. */
export interface RelayPlan {
  /** The request as the script left it. FAILURE_ROUTE works on it. */
  readonly message: SIPMessage
  readonly branches: readonly BranchPlan[]
  /** Parameters of our Record-Route. Null if no Record-Route is added. */
  readonly recordRoute: string | null
  readonly branchRoute: string | null
  readonly replyRoute: string | null
  readonly failureRoute: string | null
}
