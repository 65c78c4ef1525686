import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it } from 'node:test'
import { systemClock } from '../kernel/clock.ts'
import { formatAmount, nanos } from '../kernel/money.ts'
import { formatInstant, type Instant, parseInstant } from '../kernel/time.ts'
import { makeInvoicer } from '../loops/invoicer.ts'
import { DiskStore } from '../objects/disk.ts'
import { credit } from './credits.ts'
import { invoiceChecks } from './invoice_checks.ts'
import { invoice } from './invoices.ts'
import type { Invoice, Seller } from './invoices.rules.ts'
import { setSeller } from './parties.ts'
import { type Machine, Stage } from './testing.ts'

// What the stories of invoices have in common.

/** Who issues the invoices of the stories. */
export const us: Seller = {
  legalName: 'Example Compute GmbH',
  address: 'Lindenstraße 1\n10969 Berlin',
  taxId: 'DE123456789',
  bank: null,
  contact: null,
  terms: null,
}

/** A story's stage, with what it does again and again. */
export interface Told {
  readonly stage: Stage
  /** Where its papers are. */
  readonly objects: DiskStore
  /** One pass of the invoicer. */
  invoiceIt(): Promise<Readonly<Record<string, number>>>
  invoices(): Promise<readonly Invoice[]>
}

/** A story on a stage of its own; at its end ledger and invoices agree to the nano. */
export function story(
  title: string,
  options: Parameters<typeof Stage.open>[0] & { readonly isAnonymous?: boolean },
  play: (told: Told) => Promise<void>,
): void {
  it(title, async () => {
    const stage = await Stage.open(options)
    const folder = await mkdtemp(join(tmpdir(), 'gpuhour-invoices-'))
    const objects = new DiskStore(folder, systemClock)
    try {
      await stage.publish({ 'gpu.v100': 3_600_000_000n, cpu: 360_000_000n, volume: 97_222n })
      if (!options.isAnonymous) await stage.store.transact((tx) => setSeller(tx, us))
      await play({
        stage,
        objects,
        invoiceIt: () => makeInvoicer(stage.store, objects).pass(AbortSignal.timeout(60_000)),
        invoices: () => invoicesOf(stage),
      })
      await stage.audit()
      await agrees(stage)
    } finally {
      await stage.close()
      await rm(folder, { recursive: true })
    }
  })
}

async function invoicesOf(stage: Stage): Promise<readonly Invoice[]> {
  const { rows } = await stage.store.pool.query<{ id: string }>('select id from invoice order by from_at')
  return stage.store.read(async (tx) => {
    const found: Invoice[] = []
    for (const { id } of rows) {
      const one = await invoice(tx, id)
      assert.ok(one)
      found.push(one)
    }
    return found
  })
}

/** What was issued agrees with itself, and with the ledger to the nano. */
async function agrees({ store }: Stage): Promise<void> {
  for (const { ok, found } of await store.read((tx) => invoiceChecks(tx))) assert.ok(ok, found)
}

/** An invoice in a line. */
export const shown = (one: Invoice | undefined): string =>
  one
    ? `${one.number} ${formatInstant(one.from)} – ${formatInstant(one.to)}: ${formatAmount(one.net)} + ` +
      `${formatAmount(one.tax)} = ${formatAmount(one.total)}`
    : 'none'

/** Its lines, each in a line. */
export const linesShown = (one: Invoice | undefined): readonly string[] =>
  (one?.lines ?? []).map(({ projectName, kind, sku, unitMillis, amount, name, reason }) =>
    [projectName, kind, sku, unitMillis, formatAmount(amount), name, reason]
      .filter((part) => part !== null)
      .join(' '),
  )

/** How it was paid. */
export const fundingShown = (one: Invoice | undefined): readonly string[] =>
  (one?.funding ?? []).map(
    ({ source, exact, amount }) => `${source} ${formatAmount(exact)} ~ ${formatAmount(amount)}`,
  )

/** Lets time pass until then, everybody at work. */
export async function until(stage: Stage, when: string | Instant): Promise<void> {
  const to = typeof when === 'string' ? parseInstant(when) : when
  await stage.pass((to - stage.now()) / 1000)
}

/** Stops a machine, and charges what it ran. */
export async function stop(stage: Stage, machine: Machine): Promise<void> {
  await stage.tell(machine, 'stop_accepted')
  await stage.tell(machine, 'released')
  await stage.meter()
}

/** Money that was bought. */
export async function buy({ store, organization }: Stage, amount: bigint): Promise<void> {
  const result = await store.transact((tx) =>
    credit(tx, {
      organization,
      amount: nanos(amount),
      id: tx.newId('transfer'),
      about: 'pay_1',
      code: 'payment',
      kind: 'paid',
    }),
  )
  assert.ok(result.ok)
}
