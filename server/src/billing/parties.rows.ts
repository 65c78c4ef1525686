import { sql } from 'kysely'
import type { OrganizationId } from '../kernel/ids.ts'
import type { Instant } from '../kernel/time.ts'
import { at, type Tx } from '../store/store.ts'
import type { Buyer, Seller } from './invoices.rules.ts'
import type { TaxRule } from './tax.rules.ts'

export async function selectSeller(tx: Tx): Promise<Seller | null> {
  const { rows } = await sql<Seller>`
    select legal_name as "legalName", address, tax_id as "taxId", bank, contact, terms from seller`.execute(
    tx.db,
  )
  return rows[0] ?? null
}

export async function upsertSeller(tx: Tx, seller: Seller, updatedAt: Instant): Promise<void> {
  const { legalName, address, taxId, bank, contact, terms } = seller
  await sql`
    insert into seller (id, legal_name, address, tax_id, bank, contact, terms, updated_at)
    values ('platform', ${legalName}, ${address}, ${taxId}, ${bank}, ${contact}, ${terms}, ${at(updatedAt)})
    on conflict (id) do update set legal_name = excluded.legal_name, address = excluded.address,
      tax_id = excluded.tax_id, bank = excluded.bank, contact = excluded.contact, terms = excluded.terms,
      updated_at = excluded.updated_at`.execute(tx.db)
}

/** Who the invoices of an organization are made out to: what was set, or its name. */
export async function selectBuyer(tx: Tx, organization: OrganizationId): Promise<Buyer | null> {
  const { rows } = await sql<Buyer>`
    select coalesce(buyer.legal_name, organization.name) as "legalName",
      coalesce(buyer.address, '') as address, buyer.tax_id as "taxId", buyer.reference
    from organization left join buyer on buyer.organization = organization.id
    where organization.id = ${organization}`.execute(tx.db)
  return rows[0] ?? null
}

export async function upsertBuyer(
  tx: Tx,
  organization: OrganizationId,
  { legalName, address, taxId, reference }: Buyer,
  updatedAt: Instant,
): Promise<void> {
  await sql`
    insert into buyer (organization, legal_name, address, tax_id, reference, updated_at)
    values (${organization}, ${legalName}, ${address}, ${taxId}, ${reference}, ${at(updatedAt)})
    on conflict (organization) do update set legal_name = excluded.legal_name, address = excluded.address,
      tax_id = excluded.tax_id, reference = excluded.reference,
      updated_at = excluded.updated_at`.execute(tx.db)
}

export async function selectTaxRule(tx: Tx, organization: OrganizationId): Promise<TaxRule | null> {
  const { rows } = await sql<TaxRule>`
    select name, basis_points as "basisPoints", note from tax_rule
    where organization = ${organization}`.execute(tx.db)
  return rows[0] ?? null
}

export async function upsertTaxRule(
  tx: Tx,
  organization: OrganizationId,
  { name, basisPoints, note }: TaxRule,
  updatedAt: Instant,
): Promise<void> {
  await sql`
    insert into tax_rule (organization, name, basis_points, note, updated_at)
    values (${organization}, ${name}, ${basisPoints}, ${note}, ${at(updatedAt)})
    on conflict (organization) do update set name = excluded.name, basis_points = excluded.basis_points,
      note = excluded.note, updated_at = excluded.updated_at`.execute(tx.db)
}

export async function deleteTaxRule(tx: Tx, organization: OrganizationId): Promise<void> {
  await sql`delete from tax_rule where organization = ${organization}`.execute(tx.db)
}
