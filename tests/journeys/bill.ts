import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { engineMillis, type EngineRecord } from './engine.ts'
import type { Closing, Person } from './shell.ts'

/** What was paid may differ from Docker's own record by less than this, and only downwards (issue 3). */
const differenceMsMax = 1_000

/** How many ms less than Docker's record were paid; fails where it was more, or a second less. */
export function underDockersRecord({ paidMillis }: Closing, record: EngineRecord, excusedMs = 0): number {
  const differenceMs = engineMillis(record) - Number(paidMillis)
  const words = `paid ${paidMillis} ms of Docker's ${engineMillis(record)} ms`
  assert.ok(differenceMs >= 0, `${words}: to the customer's harm`)
  assert.ok(differenceMs < differenceMsMax + excusedMs, words)
  return differenceMs
}

const billSchema = z.object({
  events: z.array(
    z.object({
      resource: z.string(),
      type: z.string(),
      at: z.string(),
      data: z.record(z.string(), z.unknown()),
    }),
  ),
  charges: z.array(z.object({ resource: z.string(), amount: z.string(), unitMillis: z.string() })),
  total: z.string(),
})

/** An open bill, as far as these tests look into it. */
export type Bill = z.output<typeof billSchema> & { readonly path: string }

/** Gets the open bill by `statement --bundle` and has it verified. */
export async function verifiedBill(person: Person): Promise<Bill> {
  const path = join(person.home, 'bill.json')
  await person.ask('statement', '--bundle', path)
  assert.match(await person.ask('verify-bill', path), /verified/)
  return { ...billSchema.parse(JSON.parse(readFileSync(path, 'utf8'))), path }
}

/** When the allocation's command was first seen running, in ms since 1970. */
export function readyAtMs({ events }: Bill, allocation: string): number {
  const ready = events.filter(({ resource, type }) => resource === allocation && type === 'ready')
  assert.equal(ready.length, 1, `events "ready" of ${allocation}`)
  return Date.parse(ready[0]?.at ?? '')
}

/** What the bill charges for an allocation. */
export function chargedFor({ charges }: Bill, allocation: string): { amount: bigint; unitMillis: bigint } {
  const mine = charges.filter(({ resource }) => resource === allocation)
  return {
    amount: mine.reduce((sum, { amount }) => sum + BigInt(amount), 0n),
    unitMillis: mine.reduce((sum, { unitMillis }) => sum + BigInt(unitMillis), 0n),
  }
}
