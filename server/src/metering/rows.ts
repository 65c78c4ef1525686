import { sql } from 'kysely'
import type { AllocationId } from '../kernel/ids.ts'
import { at, type Tx } from '../store/store.ts'
import type { Spell } from './rules.ts'

export async function selectSpells(tx: Tx, allocation: AllocationId): Promise<readonly Spell[]> {
  const { rows } = await sql<Spell>`
    select from_at as "from", to_at as "to" from spell where allocation = ${allocation}
    order by from_at`.execute(tx.db)
  return rows
}

export async function selectSpellsOfAll(
  tx: Tx,
  allocations: readonly AllocationId[],
): Promise<readonly (Spell & { readonly allocation: AllocationId })[]> {
  const { rows } = await sql<Spell & { readonly allocation: AllocationId }>`
    select allocation, from_at as "from", to_at as "to" from spell
    where allocation = any(${allocations}::text[]) order by allocation, from_at`.execute(tx.db)
  return rows
}

/** Removes the spells that began at one of these instants. */
export async function deleteSpells(
  tx: Tx,
  allocation: AllocationId,
  spells: readonly Spell[],
): Promise<void> {
  await sql`
    delete from spell where allocation = ${allocation}
      and from_at = any(${spells.map(({ from }) => at(from))}::timestamptz[])`.execute(tx.db)
}

export async function insertSpells(
  tx: Tx,
  allocation: AllocationId,
  spells: readonly Spell[],
): Promise<void> {
  await sql`
    insert into spell (allocation, from_at, to_at)
    select ${allocation}, * from unnest(
      ${spells.map(({ from }) => at(from))}::timestamptz[],
      ${spells.map(({ to }) => at(to))}::timestamptz[])`.execute(tx.db)
}
