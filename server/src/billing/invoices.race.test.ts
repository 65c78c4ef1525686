import assert from 'node:assert/strict'
import { after as afterAll, before, describe, it } from 'node:test'
import { sql } from 'kysely'
import type { OrganizationId } from '../kernel/ids.ts'
import { hourMs } from '../kernel/time.ts'
import { record } from '../metering/metering.ts'
import { at, type Tx } from '../store/store.ts'
import { type TestDatabase, testDatabase } from '../store/testing.ts'
import { invoiceChecks } from './invoice_checks.ts'
import { closeMonth, closeNow, drafts, redraft } from './invoices.ts'
import { setSeller } from './parties.ts'
import { settle } from './settlement.ts'
import { buy, story, us } from './testing.invoices.ts'
import { Stage } from './testing.ts'

let keptOpen: TestDatabase
before(async () => {
  keptOpen = await testDatabase()
})
afterAll(() => keptOpen.drop())

const lateNovember = { start: '2026-11-30T22:00:00.000Z' }

/** Organizations beside that of the stage, each with an hour of a volume in November. */
async function others(stage: Stage, count: number): Promise<readonly OrganizationId[]> {
  const made: OrganizationId[] = []
  for (let index = 0; index < count; index += 1)
    await stage.store.transact(async (tx) => {
      const [id, project, volume] = [tx.newId('organization'), tx.newId('project'), tx.newId('volume')]
      const now = at(await tx.now())
      await sql`insert into organization (id, name, currency, time_zone, created_at)
        values (${id}, ${`Other ${index}`}, 'USD', 'UTC', ${now})`.execute(tx.db)
      await sql`insert into project (id, organization, name, created_at)
        values (${project}, ${id}, 'other', ${now})`.execute(tx.db)
      const data = { project, sku: 'volume', sizeGib: 1000, priceBook: stage.book }
      await record(tx, volume, id, [{ type: 'created', at: 'now', data }])
      made.push(id)
    })
  stage.skip(hourMs)
  for (const id of made) await stage.store.transact((tx) => settle(tx, id))
  return made
}

async function numbersOf({ store }: Stage): Promise<readonly string[]> {
  const { rows } = await store.pool.query<{ number: string }>(
    'select number from invoice where number is not null order by number',
  )
  return rows.map(({ number }) => number)
}

const counted = (count: number): readonly string[] =>
  Array.from({ length: count }, (_, index) => `INV-${String(index + 1).padStart(6, '0')}`)

describe('numbers have no gap', () => {
  it('whoever closes which month at once, and whoever fails in the midst', async () => {
    const stage = await Stage.open(lateNovember)
    try {
      await stage.publish({ volume: 97_222n })
      await stage.store.transact((tx) => setSeller(tx, us))
      const organizations = await others(stage, 12)
      stage.skip(2 * hourMs)
      // Each month is closed by three at once; every other one of them fails after all was done.
      const closing = organizations.flatMap((organization, index) =>
        [0, 1, 2].map((turn) =>
          stage.store.transact(async (tx) => {
            const closed = await closeMonth(tx, organization)
            if ((index + turn) % 2 === 0) throw new Error('killed')
            return closed
          }),
        ),
      )
      const tries = await Promise.allSettled(closing)
      const failures = tries.flatMap((one) => (one.status === 'rejected' ? [one.reason] : []))
      assert.ok(failures.every((reason) => reason instanceof Error && reason.message === 'killed'))
      for (const organization of organizations)
        await stage.store.transact((tx) => closeMonth(tx, organization))
      assert.deepEqual(await numbersOf(stage), counted(12))
      const checks = await stage.store.read((tx) => invoiceChecks(tx))
      assert.ok(checks.every(({ ok }) => ok))
    } finally {
      await stage.close()
    }
  })

  it('nor do drafts use any, that wait and are finalised by many at once', async () => {
    const stage = await Stage.open(lateNovember)
    try {
      await stage.publish({ volume: 97_222n })
      const organizations = await others(stage, 6)
      stage.skip(2 * hourMs)
      const by = 'per_us'
      for (const organization of organizations)
        await stage.store.transact((tx) => closeNow(tx, { organization, upTo: null, by }))
      assert.deepEqual(await numbersOf(stage), [])
      await stage.store.transact((tx) => setSeller(tx, us))
      const waiting = await stage.store.read((tx) => drafts(tx))
      assert.equal(waiting.length, 6)
      const finals = await Promise.all(
        [...waiting, ...waiting, ...waiting].map((id) => stage.store.transact((tx) => redraft(tx, id))),
      )
      assert.equal(finals.filter((isFinal) => isFinal).length, 6)
      assert.deepEqual(await numbersOf(stage), counted(6))
    } finally {
      await stage.close()
    }
  })
})

describe('the database refuses', () => {
  const issued = async (stage: Stage): Promise<void> => {
    await buy(stage, 100_000_000_000n)
    await stage.createVolume(10_000)
    await stage.pass(3 * 3600)
  }
  const refuses = async (
    stage: Stage,
    statement: (tx: Tx) => Promise<unknown>,
    why: RegExp,
  ): Promise<void> => {
    await assert.rejects(stage.store.transact(statement), why)
  }

  story('whatever would change what was issued', lateNovember, async ({ stage, invoiceIt }) => {
    await issued(stage)
    await invoiceIt()
    const statements = [
      'update invoice set total = total',
      `update invoice set state = 'draft', number = null, closed_at = null`,
      'delete from invoice',
      'update invoice_line set amount = amount',
      'delete from invoice_line',
      `insert into invoice_line select invoice, position + 9, project, project_name, kind, resource, name,
        reason, sku, unit, price_book, rate, unit_millis, exact, amount from invoice_line`,
      'delete from invoice_funding',
      'update billing_period set to_at = to_at',
      'delete from billing_period',
      'update paper set sha256 = sha256',
      'delete from paper',
    ]
    for (const statement of statements)
      await refuses(stage, (tx) => sql.raw(statement).execute(tx.db), /finalised|append-only/)
  })

  story(
    'to finalise what does not add up, or to close a day twice',
    lateNovember,
    async ({ stage, invoiceIt }) => {
      await stage.store.transact((tx) => sql`delete from seller`.execute(tx.db))
      await issued(stage)
      await invoiceIt()
      const finalise = `update invoice set state = 'finalised', number = 'INV-9', seller = '{}', buyer = '{}',
      problem = null, closed_at = created_at`
      // Nothing says yet how it was paid.
      await refuses(stage, (tx) => sql.raw(finalise).execute(tx.db), /does not add up/)
      const line = 'update invoice_line set amount = amount + 10000000, exact = exact + 10000000'
      await refuses(
        stage,
        async (tx) => {
          await sql.raw(line).execute(tx.db)
          await sql.raw(finalise).execute(tx.db)
        },
        /does not add up/,
      )
      await refuses(
        stage,
        (tx) => sql`update invoice set net = net + 10000000, total = total + 10000000`.execute(tx.db),
        /invoice_rounded_once/,
      )
      await refuses(
        stage,
        (tx) =>
          sql`insert into billing_period select organization, from_at + interval '1 day', to_at, closed_at
        from billing_period`.execute(tx.db),
        /billing_period_no_overlap/,
      )
      await stage.store.transact((tx) => setSeller(tx, us))
      await invoiceIt()
    },
  )
})

describe('the nightly check sees', () => {
  const breach = (title: string, statements: readonly string[], seen: RegExp): void => {
    it(title, async () => {
      const stage = await Stage.open(lateNovember)
      try {
        await stage.publish({ volume: 97_222n })
        await stage.store.transact((tx) => setSeller(tx, us))
        const organizations = await others(stage, 2)
        stage.skip(2 * hourMs)
        for (const organization of organizations)
          await stage.store.transact((tx) => closeMonth(tx, organization))
        await stage.store.transact(async (tx) => {
          // As somebody would who has the database, and not through us.
          await sql`set local session_replication_role = replica`.execute(tx.db)
          for (const statement of statements) await sql.raw(statement).execute(tx.db)
        })
        const checks = await stage.store.read((tx) => invoiceChecks(tx))
        const broken = checks.filter(({ ok }) => !ok).map(({ found }) => found)
        assert.ok(
          broken.some((found) => seen.test(found)),
          broken.join('; '),
        )
      } finally {
        await stage.close()
      }
    })
  }

  breach(
    'a number that is missing',
    [`update invoice set number = 'INV-000009' where number = 'INV-000002'`],
    /invoice: 2 numbers up to 9, the next is 3/,
  )
  breach(
    'a line that was changed',
    [`update invoice_line set amount = amount + 10000000`],
    /^INV-000001, INV-000002$/,
  )
  breach(
    'an invoice that is gone',
    [`delete from invoice where number = 'INV-000002'`],
    /USD: revenue|1 numbers/,
  )
  breach(
    'a nano in the ledger that no invoice knows',
    [`update transfer set amount = amount + 1 where code = 'rounding'`],
    /^USD: currency|^USD: revenue/,
  )
})
