import type { OrganizationId } from '../kernel/ids.ts'
import { type Nanos, nanos } from '../kernel/money.ts'
import { writeOff } from '../ledger/debts.ts'
import type { Tx } from '../store/store.ts'
import { stored } from './burning.ts'
import { settle } from './settlement.ts'

/**
 * Once nothing of an organization is stored any more, what it still owes after its grace is written off.
 * Settles first, so that the last of it is in the debt. Answers what was written off; 0 while something is
 * stored, or the grace lasts.
 */
export async function endDebt(tx: Tx, organization: OrganizationId): Promise<Nanos> {
  await settle(tx, organization)
  const isStoring = (await stored(tx, organization)).length > 0
  return isStoring ? nanos(0n) : writeOff(tx, organization)
}
