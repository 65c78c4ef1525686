import type { UsageEvent } from '../journal/rules.ts'
import { formatInstant, type Instant } from '../kernel/time.ts'

/** A fault of what an allocation was given. */
export interface Fault {
  /** When it began. */
  readonly at: Instant
  /** What shows it; stands on the customer's bill. */
  readonly evidence: string
}

/** What is on record of a fault. */
export interface RecordedFault extends Fault {
  readonly recordedAt: Instant
}

/**
 * The fault on record that says already what this one would: the same evidence, and no later beginning.
 * Whoever presses twice, or asks again after a lost answer, says nothing new.
 */
export function toldBefore(events: readonly UsageEvent[], fault: Fault): RecordedFault | null {
  for (const event of events)
    if (event.type === 'fault' && event.data.evidence === fault.evidence && event.at <= fault.at)
      return { at: event.at, evidence: event.data.evidence, recordedAt: event.recordedAt }
  return null
}

/** A fault in one sentence: in an instance's history, and as the reason why it failed. */
export function faultText({ at, evidence }: Fault): string {
  return `fault since ${formatInstant(at)}: ${evidence}`
}
