import type { Lot } from '@gpuhour/sdk/contract'
import * as billing from '../billing/billing.ts'
import { AppError } from '../kernel/errors.ts'
import { asId, type LotId, type OrganizationId } from '../kernel/ids.ts'
import { nanos } from '../kernel/money.ts'
import { type Instant, instant, parseInstant } from '../kernel/time.ts'
import { walletOf } from '../ledger/ledger.ts'
import { freeOf, hasLapsed, isInForce } from '../ledger/lots.rules.ts'
import { type LotRow, lotsOf } from '../ledger/lots.ts'
import type { LedgerRefusal } from '../ledger/rules.ts'
import type { Tx } from '../store/store.ts'
import * as tenancy from '../tenancy/tenancy.ts'
import { organizationFor } from './access.ts'
import { type CheckedBody, type Handlers, made, ok } from './calls.ts'
import { cursorPair, pageOf } from './pages.rules.ts'
import type { ApiParts } from './parts.ts'
import { shown } from './views.rules.ts'

function balanceHandler({ store }: ApiParts): Handlers['getBalance'] {
  return async ({ principal, params }) =>
    ok(
      await store.read(async (tx) => {
        const { id } = await organizationFor(tx, principal, 'read_money', params.organization)
        const found = await billing.balance(tx, id)
        const { expiry } = found
        return {
          organization: id,
          currency: found.currency,
          asOf: shown(found.asOf),
          postedNanos: String(found.posted),
          heldNanos: String(found.held),
          liveNanos: String(found.live),
          availableNanos: String(found.available),
          promoNanos: String(found.promo),
          upcomingNanos: String(found.upcoming),
          expiry: expiry ? { at: shown(expiry.at), nanos: String(expiry.amount) } : null,
          receivableNanos: String(found.receivable),
          graceUntil: shown(found.graceUntil),
          nanosPerHour: String(found.perHour),
          storageNanosPerHour: String(found.storagePerHour),
          runwayUntil: shown(found.runwayUntil),
        }
      }),
    )
}

/** The order in which lots are used as things stand now, the first with 1. */
async function turnsOf(tx: Tx, organization: OrganizationId): Promise<ReadonlyMap<LotId, number>> {
  const { lots, asOf } = await walletOf(tx, organization)
  const usable = lots.filter((lot) => isInForce(lot, asOf) && freeOf(lot) > 0n)
  return new Map(usable.map(({ id }, index) => [id, index + 1]))
}

function stateOf(lot: LotRow, now: Instant): Lot['state'] {
  if (lot.remaining === 0n) return 'used_up'
  if (hasLapsed(lot, now)) return 'lapsed'
  return lot.effectiveAt > now ? 'upcoming' : 'in_force'
}

function lotView(lot: LotRow, now: Instant, turns: ReadonlyMap<LotId, number>): Lot {
  const { id, kind, code, about, priority, renews } = lot
  return {
    id,
    kind,
    code,
    about,
    priority,
    effectiveAt: shown(lot.effectiveAt),
    expiresAt: shown(lot.expiresAt),
    renews,
    creditedAt: shown(lot.recordedAt),
    amountNanos: String(lot.amount),
    remainingNanos: String(lot.remaining),
    reservedNanos: String(lot.reserved),
    state: stateOf(lot, now),
    turn: turns.get(id) ?? null,
  }
}

function lotsHandler({ store }: ApiParts): Handlers['listLots'] {
  return async ({ principal, params, query }) =>
    ok(
      await store.read(async (tx) => {
        const { id } = await organizationFor(tx, principal, 'read_money', params.organization)
        const pair = cursorPair(query.cursor, /^\d{1,15}\/lot_[0-9a-z]{1,60}$/)
        const after = pair ? { recordedAt: instant(Number(pair[0])), id: pair[1] } : undefined
        const rows = await lotsOf(tx, id, { after, limit: query.limit + 1 })
        const [now, turns] = [await tx.now(), await turnsOf(tx, id)]
        return pageOf(
          rows,
          query.limit,
          (row) => `${row.recordedAt}/${row.id}`,
          (row) => lotView(row, now, turns),
        )
      }),
    )
}

function asked(text: string | undefined): Instant | null {
  return text === undefined ? null : parseInstant(text)
}

/** What a grant says of its terms; `effectiveAt` null: at once. */
function termsOf({ kind, priority, effectiveAt, expiresAt }: CheckedBody<'createGrant'>) {
  const from = asked(effectiveAt)
  return { kind, priority, ...(from === null ? {} : { effectiveAt: from }), expiresAt: asked(expiresAt) }
}

function refused(reason: LedgerRefusal): AppError {
  if (reason === 'lapses_at_once')
    return new AppError('invalid_request', 'The credit would lapse before it could be used.', undefined, [
      { pointer: '/expiresAt', message: 'must be later than now and than "effectiveAt"' },
    ])
  return new AppError('conflict', 'Another transfer has this id already. Use a new one.', { reason }, [
    { pointer: '/id', message: reason },
  ])
}

function grantHandler({ store }: ApiParts): Handlers['createGrant'] {
  return async ({ principal, params, body, requestId }) => {
    const answer = await store.transact(async (tx) => {
      const { id: organization, currency } = await organizationFor(
        tx,
        principal,
        'operate',
        params.organization,
      )
      if (currency !== body.currency)
        throw new AppError('invalid_request', `The organization’s currency is ${currency}.`, undefined, [
          { pointer: '/currency', message: `must be ${currency}` },
        ])
      const id = asId('transfer', body.id)
      const amount = nanos(BigInt(body.amountNanos))
      const terms = termsOf(body)
      const result = await billing.grant(tx, { organization, amount, by: principal.person, id, ...terms })
      if (!result.ok) throw refused(result.reason)
      const isNew = result.outcomes[0] === 'created'
      const change = { organization, principal, action: 'grant.create', target: id, requestId, after: body }
      if (isNew) await tenancy.audit(tx, change)
      const { kind, priority, expiresAt } = terms
      const dates = { effectiveAt: shown(asked(body.effectiveAt)), expiresAt: shown(expiresAt) }
      const shared = { organization, amountNanos: body.amountNanos, currency, kind, priority }
      return { isNew, view: { id, ...shared, ...dates, at: shown(await tx.now()) } }
    })
    return made(answer.isNew, answer.view)
  }
}

/** What an organization has, of what it is made, and how an operator adds to it. */
export function walletHandlers(parts: ApiParts): Pick<Handlers, 'getBalance' | 'listLots' | 'createGrant'> {
  return {
    getBalance: balanceHandler(parts),
    listLots: lotsHandler(parts),
    createGrant: grantHandler(parts),
  }
}
