import { grant, settle } from '../billing/billing.ts'
import { setSeller } from '../billing/parties.ts'
import { SimulatedClock } from '../kernel/clock.ts'
import { invariant } from '../kernel/errors.ts'
import type { OrganizationId } from '../kernel/ids.ts'
import { nanos, nanosPerUnit } from '../kernel/money.ts'
import { hourMs, parseInstant } from '../kernel/time.ts'
import { makeInvoicer } from '../loops/invoicer.ts'
import { record } from '../metering/metering.ts'
import { allBooks } from '../pricing/pricing.ts'
import { clockOf } from '../store/clock.ts'
import { openStore } from '../store/store.ts'
import * as tenancy from '../tenancy/tenancy.ts'
import type { TestApi } from './testing.ts'

/** An organization with one finalised invoice, INV-000001 over September 2026, and its papers. */
export async function withInvoice(
  api: Pick<TestApi, 'databaseUrl' | 'objects' | 'demo'>,
): Promise<OrganizationId> {
  const clock = new SimulatedClock(parseInstant('2026-09-10T00:00:00.000Z'))
  const store = openStore({ url: api.databaseUrl, clock: clockOf(clock) })
  try {
    const made = await store.transact(async (tx) => {
      const [id, project, volume] = [tx.newId('organization'), tx.newId('project'), tx.newId('volume')]
      const row = { id, name: 'Invoiced', currency: 'USD', timeZone: 'UTC' } as const
      await tenancy.createOrganization(tx, row, api.demo.operator)
      await tenancy.createProject(tx, { id: project, organization: id, name: 'vision' })
      await grant(tx, {
        organization: id,
        amount: nanos(10n * nanosPerUnit),
        by: api.demo.operator,
        id: tx.newId('transfer'),
      })
      await setSeller(tx, {
        legalName: 'Example Compute GmbH',
        address: 'Berlin',
        taxId: null,
        bank: null,
        contact: null,
        terms: null,
      })
      const [book] = await allBooks(tx, 'USD', null)
      invariant(book, 'the test published one')
      const data = { project, sku: 'volume', sizeGib: 20_000, priceBook: book.id }
      await record(tx, volume, id, [{ type: 'created', at: 'now', data }])
      return { organization: id, volume }
    })
    clock.step(2 * hourMs)
    await store.transact(async (tx) => {
      await record(tx, made.volume, made.organization, [{ type: 'deleted', at: 'now', data: {} }])
    })
    clock.step(1000)
    await store.transact((tx) => settle(tx, made.organization))
    clock.step(parseInstant('2026-10-01T01:00:00.000Z') - clock.now())
    await makeInvoicer(store, api.objects).pass(AbortSignal.timeout(60_000))
    return made.organization
  } finally {
    await store.close()
  }
}
