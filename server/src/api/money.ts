import { bill as billSchema, type Charge, type Statement, type UsageEvent } from '@gpuhour/sdk/contract'
import * as billing from '../billing/billing.ts'
import { covering } from '../billing/invoices.ts'
import * as compute from '../compute/compute.ts'
import * as jobs from '../jobs/jobs.ts'
import * as journal from '../journal/journal.ts'
import { isId } from '../kernel/ids.ts'
import { instant } from '../kernel/time.ts'
import * as storage from '../storage/storage.ts'
import type { Tx } from '../store/store.ts'
import { organizationFor } from './access.ts'
import { type Handlers, ok } from './calls.ts'
import { cursorPair, pageOf } from './pages.rules.ts'
import type { ApiParts } from './parts.ts'
import { periodOf } from './periods.rules.ts'
import { shown } from './views.rules.ts'

/** The names of instances, runs and volumes, each looked up once. */
export function namesOf(tx: Tx): (id: string) => Promise<string> {
  const known = new Map<string, string>()
  const lookUp = async (id: string): Promise<string | undefined> => {
    if (isId('instance', id)) return (await compute.instance(tx, id))?.name
    if (isId('run', id)) return (await jobs.run(tx, id))?.name
    return isId('volume', id) ? (await storage.volume(tx, id))?.name : undefined
  }
  return async (id) => {
    const name = known.get(id) ?? (await lookUp(id)) ?? id
    known.set(id, name)
    return name
  }
}

function chargeView(row: Awaited<ReturnType<typeof billing.charges>>[number]): Charge {
  const { id, resource, sku, priceBook, reason } = row
  return {
    id,
    resource,
    sku,
    priceBook,
    upTo: shown(row.upTo),
    unitMillisBefore: String(row.unitMillisBefore),
    unitMillis: String(row.unitMillis),
    nanos: String(row.nanos),
    amount: String(row.amount),
    reason,
  }
}

function eventView(row: Awaited<ReturnType<typeof journal.events>>[number]): UsageEvent {
  const { resource, seq, type, at, recordedAt, data, prevHash, hash } = row
  return {
    resource,
    seq,
    type,
    at: shown(at),
    recordedAt: shown(recordedAt),
    data: { ...data },
    prevHash,
    hash,
  }
}

async function statementView(tx: Tx, found: billing.Statement): Promise<Statement> {
  const nameOf = namesOf(tx)
  const lines: Statement['lines'] = []
  for (const { resource, subject, project, sku, priceBook, unit, unitMillis, rate, amount } of found.lines)
    lines.push({
      resource,
      subject,
      name: await nameOf(subject),
      project,
      sku,
      priceBook,
      unit,
      unitMillis: String(unitMillis),
      nanosPerUnitHour: String(rate),
      amountNanos: String(amount),
    })
  const givenBack: Statement['givenBack'] = []
  for (const { charge, subject } of found.givenBack)
    givenBack.push({
      ...{ charge: charge.id, resource: charge.resource, subject, name: await nameOf(subject) },
      ...{ sku: charge.sku, at: shown(charge.upTo), reason: charge.reason ?? '' },
      amountNanos: String(charge.amount),
    })
  const credits = found.credits.map(({ id, bookedAt, code, about, amount }) => ({
    id,
    at: shown(bookedAt),
    code,
    about,
    amountNanos: String(amount),
  }))
  return {
    organization: found.organization,
    currency: found.currency,
    from: shown(found.from),
    to: shown(found.to),
    lines,
    totalNanos: String(found.total),
    givenBack,
    credits,
    creditsNanos: String(found.credits.reduce((sum, { amount }) => sum + amount, 0n)),
    balanceNanos: String(found.posted),
    invoices: (await covering(tx, found.organization, found)).map(({ id, number, from, to }) => {
      return { id, number: number ?? '', from: shown(from), to: shown(to) }
    }),
  }
}

function usageHandler({ store }: ApiParts): Handlers['listUsage'] {
  return async ({ principal, params, query }) =>
    ok(
      await store.read(async (tx) => {
        const { id } = await organizationFor(tx, principal, 'read_money', params.organization)
        const pair = cursorPair(query.cursor, /^\d{1,15}\/alo_[0-9a-z]{1,60}$/)
        const rows = await billing.usage(tx, id, {
          allocation: query.resource,
          after: pair ? { from: instant(Number(pair[0])), allocation: pair[1] } : undefined,
          limit: query.limit + 1,
        })
        const nameOf = namesOf(tx)
        const names = new Map<string, string>()
        for (const { subject } of rows) names.set(subject, await nameOf(subject))
        return pageOf(
          rows,
          query.limit,
          ({ from, allocation }) => `${from}/${allocation}`,
          ({ allocation, subject, project, flavor, from, to, paidMillis, lines, amount }) => ({
            allocation,
            subject,
            name: names.get(subject) ?? subject,
            project,
            flavor,
            from: shown(from),
            to: shown(to),
            paidMillis: String(paidMillis),
            lines: lines.map(({ sku, quantity }) => ({ sku, quantity })),
            amountNanos: String(amount),
          }),
        )
      }),
    )
}

type ListRoutes = 'listCharges' | 'listUsageEvents'

function listHandlers({ store }: ApiParts): Pick<Handlers, ListRoutes> {
  return {
    listCharges: async ({ principal, params, query }) =>
      ok(
        await store.read(async (tx) => {
          const { id } = await organizationFor(tx, principal, 'read_money', params.organization)
          const pair = cursorPair(query.cursor, /^\d{1,15}\/chg_[0-9a-z]{1,60}$/)
          const rows = await billing.charges(tx, id, {
            resource: query.resource,
            after: pair ? { upTo: instant(Number(pair[0])), id: pair[1] } : undefined,
            limit: query.limit + 1,
          })
          return pageOf(rows, query.limit, (row) => `${row.upTo}/${row.id}`, chargeView)
        }),
      ),

    listUsageEvents: async ({ principal, params, query }) =>
      ok(
        await store.read(async (tx) => {
          const { id } = await organizationFor(tx, principal, 'read_money', params.organization)
          const pair = cursorPair(query.cursor, /^[a-z]{3}_[0-9a-z]{1,60}\/\d{1,9}$/)
          const rows = await journal.events(tx, id, {
            resource: query.resource,
            after: pair ? { resource: pair[0], seq: Number(pair[1]) } : undefined,
            limit: query.limit + 1,
          })
          return pageOf(rows, query.limit, (row) => `${row.resource}/${row.seq}`, eventView)
        }),
      ),
  }
}

type MoneyRoutes = ListRoutes | 'listUsage' | 'getStatement' | 'getBill'

/** Everything about money. */
export function moneyHandlers(parts: ApiParts): Pick<Handlers, MoneyRoutes> {
  const { store } = parts
  return {
    ...listHandlers(parts),
    listUsage: usageHandler(parts),

    // A period up to now makes a boundary: both of these write.
    getStatement: async ({ principal, params, query }) =>
      ok(
        await store.transact(async (tx) => {
          const { id, timeZone } = await organizationFor(tx, principal, 'read_money', params.organization)
          const period = periodOf(query, await tx.now(), timeZone)
          return statementView(tx, await billing.statement(tx, id, period))
        }),
      ),

    getBill: async ({ principal, params, query }) =>
      ok(
        await store.transact(async (tx) => {
          const { id, timeZone } = await organizationFor(tx, principal, 'read_money', params.organization)
          const period = periodOf(query, await tx.now(), timeZone)
          return billSchema.parse(await billing.bill(tx, id, period))
        }),
      ),
  }
}
