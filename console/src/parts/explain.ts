import type { Charge } from '@gpuhour/sdk/contract'

/** A charge taken apart: the running sum before and after it, each by the one formula. */
export interface Explained {
  readonly secondsBefore: bigint
  readonly secondsAfter: bigint
  readonly amountBefore: bigint
  readonly amountAfter: bigint
  readonly amount: bigint
}

/** amount(nanos, u) = floor(nanos × floor(u / 1000) / 3600), over the cumulative u of the running sum. */
export function explain(charge: Pick<Charge, 'nanos' | 'unitMillisBefore' | 'unitMillis'>): Explained {
  const before = BigInt(charge.unitMillisBefore)
  const secondsBefore = before / 1000n
  const secondsAfter = (before + BigInt(charge.unitMillis)) / 1000n
  const amountOf = (seconds: bigint) => (BigInt(charge.nanos) * seconds) / 3600n
  const amountBefore = amountOf(secondsBefore)
  const amountAfter = amountOf(secondsAfter)
  return { secondsBefore, secondsAfter, amountBefore, amountAfter, amount: amountAfter - amountBefore }
}
