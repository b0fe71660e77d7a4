/** Objects that all parts of the core use. */
import type { URI } from '@siplet/sipmsg'
import type { Clock } from '../clock.ts'
import type { ProxyConfig } from '../config.ts'
import type { Guard } from '../guard.ts'
import type { ProxyLog } from '../log.ts'
import type { ProxyMetrics } from '../metrics.ts'
import type { Scripts } from '../script/scripts.ts'
import type { Records } from '../target/records.ts'
import type { RestingTargets } from '../target/resting.ts'
import type { TransactionLayer } from '../transaction/layer.ts'
import type { Transports } from '../transport/transports.ts'
import type { BranchIds } from './branch-id.ts'

export interface Services {
  readonly config: ProxyConfig
  readonly clock: Clock
  readonly guard: Guard
  readonly transports: Transports
  readonly transactions: TransactionLayer
  readonly records: Records
  readonly branchIds: BranchIds
  readonly resting: RestingTargets
  readonly scripts: Scripts
  readonly metrics: ProxyMetrics
  readonly log: ProxyLog
  /** Returns whether a URI names this proxy: one of its sockets, or an alias. */
  isMyself(uri: URI): boolean
}
