/** Prints the results of a replay, and turns them into an exit code. */
import { printableJSON } from '@siplet/engine'
import { EXIT } from '../../errors.ts'
import type { ReplaySummary, SummaryCollector } from '../../output/summary.ts'
import { summaryText } from '../../output/summary-text.ts'
import type { Comparison } from '../../replay/comparison.ts'
import type { DifferenceCollector } from '../../replay/decisions.ts'
import type { Expectation } from '../../replay/expectation.ts'
import type { ReplayRunOptions } from './options.ts'

/** The comparisons of a replay, as far as the options ask for them. */
export interface Comparisons {
  readonly comparison: Comparison | undefined
  readonly expectation: Expectation | undefined
}

/** Returns the differences to report; undefined if nothing was compared, or if the recording is of other messages. */
export function differencesOf({ comparison, expectation }: Comparisons): DifferenceCollector | undefined {
  return comparison?.differences ?? (expectation?.failed ? undefined : expectation?.differences)
}

/** Prints the summary and the differences. */
export function printResults(
  summary: ReplaySummary,
  collector: SummaryCollector,
  { json, ndjson, compare, expect, script }: ReplayRunOptions,
  { comparison, expectation }: Comparisons,
): void {
  const talk = ndjson === '-' ? process.stderr : process.stdout
  if (json) process.stdout.write(`${printableJSON(summary)}\n`)
  else talk.write(summaryText(summary, collector.details, talk))
  const differing = json ? process.stderr : talk
  if (comparison) differing.write(`\n${comparison.differences.text(compare!, script, differing)}`)
  // If the recording and the messages do not match, "no difference" would be misleading.
  if (expectation && (!expectation.failed || expectation.differences.messages > 0))
    differing.write(`\n${expectation.differences.text(expect!, script, differing)}`)
}

/** Returns the exit code of a replay that ran without an error. */
export function exitCodeOf(
  interrupted: boolean,
  collector: SummaryCollector,
  { allowEmpty, failOnError, failOnDifference }: ReplayRunOptions,
  { comparison, expectation }: Comparisons,
): number {
  if (interrupted) return EXIT.INTERRUPTED
  if (collector.errors > 0 && failOnError) return EXIT.SCRIPT_ERROR
  const differs =
    (expectation?.differences.messages ?? 0) > 0 ||
    (failOnDifference && (comparison?.differences.messages ?? 0) > 0)
  if (differs) return EXIT.DIFFERENCE
  return collector.messages > 0 || allowEmpty ? EXIT.DONE : EXIT.EMPTY
}
