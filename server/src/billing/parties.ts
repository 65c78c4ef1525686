import { notFound } from '../kernel/errors.ts'
import type { OrganizationId } from '../kernel/ids.ts'
import type { Tx } from '../store/store.ts'
import type { Buyer, Seller } from './invoices.rules.ts'
import * as rows from './parties.rows.ts'
import type { TaxRule } from './tax.rules.ts'

/** Who issues invoices; null: nobody said yet, and none is finalised before. */
export async function seller(tx: Tx): Promise<Seller | null> {
  return rows.selectSeller(tx)
}

/** Says who issues invoices from now on; those that were finalised keep what they bear. */
export async function setSeller(tx: Tx, party: Seller): Promise<void> {
  await rows.upsertSeller(tx, party, await tx.now())
  // Drafts may have waited for it.
  await tx.notify('invoices')
}

/** Who an organization's invoices are made out to: what was set, or its name. Throws `not_found`. */
export async function buyer(tx: Tx, organization: OrganizationId): Promise<Buyer> {
  const found = await rows.selectBuyer(tx, organization)
  if (!found) throw notFound('organization', organization)
  return found
}

/** Says who its invoices are made out to from now on. */
export async function setBuyer(tx: Tx, organization: OrganizationId, party: Buyer): Promise<void> {
  await rows.upsertBuyer(tx, organization, party, await tx.now())
}

/** The tax of an organization's invoices; null: none. */
export async function taxRule(tx: Tx, organization: OrganizationId): Promise<TaxRule | null> {
  return rows.selectTaxRule(tx, organization)
}

/** Says what tax its invoices bear from now on; null: none. */
export async function setTaxRule(tx: Tx, organization: OrganizationId, rule: TaxRule | null): Promise<void> {
  if (rule === null) await rows.deleteTaxRule(tx, organization)
  else await rows.upsertTaxRule(tx, organization, rule, await tx.now())
}
