import { eventsOfAll, firstRecordedAt, lock, markSettled, raiseFloor } from '../journal/journal.ts'
import type { ResourceId, UsageEvent } from '../journal/rules.ts'
import { derivedId, type LeaseId, type OrganizationId } from '../kernel/ids.ts'
import { type Nanos, nanos } from '../kernel/money.ts'
import { type Instant, later } from '../kernel/time.ts'
import { type Accounts, accountsOf, applyOrThrow, lockWallet, openHolds } from '../ledger/ledger.ts'
import type { Transfer } from '../ledger/rules.ts'
import { fold, paidMillis, storageNow, type Sum, sumsOf, sumsOfLines } from '../metering/rules.ts'
import { ratesOfAll } from '../pricing/pricing.ts'
import { rateOf } from '../pricing/rules.ts'
import type { Tx } from '../store/store.ts'
import { nominalBoundaries, type OpenThen, startOfHour, type Verdict, verdictAt } from './boundaries.rules.ts'
import { payBack } from './paybacks.ts'
import * as rows from './rows.ts'
import { chargeOf, keyOf, type NewCharge, paymentsOf, reasonOf } from './rules.ts'

/*
 * How paid time becomes charges. Everything here happens under the lock of the organization's journal, so a
 * settlement at S knows every event recorded before S, now and for ever: what comes later is recorded at S or
 * after.
 *
 * Three things are settled at different times. What has ended (or was cut by a late truth) is settled at
 * once. What runs is settled at boundaries only. Storage is settled at boundaries and before any hold, so
 * that a launch cannot take the money that the customer's files need.
 */

/** What a settlement looks at: everything, what has ended, or that and storage. */
type Scope = 'boundary' | 'ended' | 'hold'

/** Organizations that the meter has something to do for. */
export async function organizationsDue(tx: Tx): Promise<readonly OrganizationId[]> {
  const now = await tx.now()
  return rows.selectOrganizationsDue(tx, now, startOfHour(now))
}

/** What a settlement did. */
export interface Settled {
  readonly boundaries: number
  readonly charges: number
}

/**
 * Books the passed boundaries of an organization, then what has ended or was cut by a late truth. Repeating
 * it does nothing. Takes the journal's lock, then the ledger's: call it before anything is recorded in the
 * same transaction for another organization, and before any account is touched.
 */
export async function settle(tx: Tx, organization: OrganizationId): Promise<Settled> {
  return settleScope(tx, organization, 'ended')
}

/** The same, and storage: called in the transaction that takes or extends a hold, before it does. */
export async function settleForHold(tx: Tx, organization: OrganizationId): Promise<Settled> {
  return settleScope(tx, organization, 'hold')
}

async function settleScope(tx: Tx, organization: OrganizationId, scope: 'ended' | 'hold'): Promise<Settled> {
  const passed = await bookPassed(tx, organization)
  const standings = await standingsAt(tx, organization, passed.now)
  const charges = await settleAt(tx, organization, passed.now, scope, standings)
  await raiseFloor(tx, organization, passed.now)
  return { boundaries: passed.boundaries, charges: passed.charges + charges }
}

/**
 * Makes a boundary now and answers its instant; null where it cannot be made yet (an open spell was not
 * sighted for a minute, or its lease is used up, and that is still to be recorded).
 */
export async function makeBoundary(tx: Tx, organization: OrganizationId): Promise<Instant | null> {
  const passed = await bookPassed(tx, organization)
  const { now } = passed
  const standings = await standingsAt(tx, organization, now)
  const isClean = passed.isCaughtUp && verdictOf(now, standings) === 'clean'
  await settleAt(tx, organization, now, isClean ? 'boundary' : 'ended', standings)
  if (isClean) await rows.insertBoundaries(tx, organization, [now])
  await raiseFloor(tx, organization, now)
  return isClean ? now : null
}

interface Passed extends Settled {
  /** The instant up to which the caller settles: never before anything that was settled already. */
  readonly now: Instant
  /** Every boundary that was due has been made. */
  readonly isCaughtUp: boolean
}

/**
 * Makes the boundaries that have passed, each at its instant or at the first one at which the record is
 * complete.
 */
export async function bookPassed(tx: Tx, organization: OrganizationId): Promise<Passed> {
  let floor = await lock(tx, organization)
  const now = later(await tx.now(), floor)
  const since = (await rows.selectLastBoundary(tx, organization)) ?? (await firstRecordedAt(tx, organization))
  const done = { now, boundaries: 0, charges: 0 }
  if (since === null) return { ...done, isCaughtUp: true }
  const due = nominalBoundaries(since, now, await rows.selectTimeZone(tx, organization))
  const { accrues, dueSince } = await rows.selectUnsettled(tx, organization)
  const quietUntil = accrues ? since : (dueSince ?? now)
  const quiet = due.filter((at) => at <= quietUntil)
  if (quiet.length > 0) await rows.insertBoundaries(tx, organization, quiet)
  for (const nominal of due.slice(quiet.length)) {
    if (done.boundaries > 0 && nominal <= floor) continue
    const made = await firstClean(tx, organization, later(nominal, floor), now)
    if (made === null) return { ...done, isCaughtUp: false }
    done.charges += await settleAt(tx, organization, made.at, 'boundary', made.standings)
    await rows.insertBoundaries(tx, organization, [made.at])
    done.boundaries += 1
    floor = made.at
  }
  return { ...done, isCaughtUp: true }
}

/**
 * The first instant from `at` to `now` at which a boundary can be made, with what stands there; null: not
 * yet.
 */
async function firstClean(
  tx: Tx,
  organization: OrganizationId,
  at: Instant,
  now: Instant,
): Promise<{ readonly at: Instant; readonly standings: readonly Standing[] } | null> {
  let candidate = at
  for (;;) {
    const standings = await standingsAt(tx, organization, candidate)
    const verdict = verdictOf(candidate, standings)
    if (verdict === 'clean') return { at: candidate, standings }
    if (verdict === 'wait' || verdict.notBefore > now) return null
    candidate = verdict.notBefore
  }
}

function verdictOf(at: Instant, standings: readonly Standing[]): Verdict {
  return verdictAt(
    at,
    standings.flatMap(({ open }) => (open ? [open] : [])),
  )
}

/** An allocation as the events recorded before an instant say. */
export interface Standing {
  readonly resource: ResourceId
  readonly lease: LeaseId | null
  readonly isDue: boolean
  readonly isFinal: boolean
  readonly sums: readonly Sum[]
  readonly open: OpenThen | null
}

/** Allocations that may owe something at the instant. */
async function standingsAt(tx: Tx, organization: OrganizationId, at: Instant): Promise<readonly Standing[]> {
  const found = await rows.selectStandings(tx, organization, at)
  // The projection is what is known now; where that is more than was known at the instant, the journal is
  // asked.
  const later = found.filter(({ recordedAt }) => recordedAt >= at).map(({ resource }) => resource)
  const events = groupByResource(await eventsOfAll(tx, later))
  return found.flatMap((row) => {
    const all = events.get(row.resource)
    const base = {
      resource: row.resource,
      lease: row.lease,
      isDue: row.dueSince !== null && row.dueSince < at,
    }
    const { lastSeenAt, until } = row
    if (!all) {
      const { openSince, isFinal } = row
      const open = openSince === null ? null : { openSince, since: [], lastSeenAt, until }
      return [{ ...base, isFinal, sums: sumsOfLines(row.lines, row.priceBook, row.paidMillis), open }]
    }
    const known = all.filter(({ recordedAt }) => recordedAt < at)
    if (known.length === 0) return []
    const { spells, closedForGood, released } = fold(known)
    const last = spells.at(-1)
    const since = all.slice(known.length)
    const open = last?.to === null ? { openSince: last.from, since, lastSeenAt, until } : null
    const sums = sumsOfLines(row.lines, row.priceBook, paidMillis(spells, at))
    return [{ ...base, isFinal: closedForGood || released, sums, open }]
  })
}

function groupByResource(events: readonly UsageEvent[]): ReadonlyMap<ResourceId, readonly UsageEvent[]> {
  const groups = new Map<ResourceId, UsageEvent[]>()
  for (const event of events) {
    const group = groups.get(event.resource)
    if (group) group.push(event)
    else groups.set(event.resource, [event])
  }
  return groups
}

/** Something with running sums, ready to be charged. */
interface Owing {
  readonly resource: ResourceId
  readonly sums: readonly Sum[]
  readonly isStorage: boolean
  readonly accrues: boolean
  /** What runs is charged at boundaries only, but what was cut is given back at once. */
  readonly onlyIfCut: boolean
}

/** Charges what is owed at the instant by the events recorded before it, and moves the money. */
async function settleAt(
  tx: Tx,
  organization: OrganizationId,
  at: Instant,
  scope: Scope,
  standings: readonly Standing[],
): Promise<number> {
  const owing: Owing[] = standings.map(({ resource, sums, open }) => ({
    resource,
    sums,
    isStorage: false,
    accrues: open !== null,
    onlyIfCut: scope !== 'boundary' && open !== null,
  }))
  owing.push(...(await storageOwing(tx, organization, at, scope)))
  if (owing.length === 0) return 0
  const charges = await chargesOf(tx, owing, at)
  const recordedAt = later(await tx.now(), at)
  const all = charges.flatMap(({ own }) => own)
  if (all.length > 0) await rows.insertCharges(tx, organization, all, recordedAt)
  await moveMoney(tx, organization, at, standings, charges)
  await markSettled(
    tx,
    owing.map(({ resource, accrues }) => ({ resource, accrues })),
    at,
  )
  return all.length
}

/** Volumes and snapshots: all of them, or only those of which something new is known. */
async function storageOwing(
  tx: Tx,
  organization: OrganizationId,
  at: Instant,
  scope: Scope,
): Promise<readonly Owing[]> {
  const heads = await rows.selectStorageHeads(tx, organization)
  const chosen = heads.filter(({ dueSince }) => scope !== 'ended' || (dueSince !== null && dueSince < at))
  const events = await eventsOfAll(
    tx,
    chosen.map(({ resource }) => resource),
  )
  return [...groupByResource(events.filter(({ recordedAt }) => recordedAt < at))].map(
    ([resource, known]) => ({
      resource,
      sums: sumsOf(known, at),
      isStorage: true,
      accrues: storageNow(known) !== null,
      onlyIfCut: false,
    }),
  )
}

/** The charges of one resource. */
interface Charged extends Owing {
  readonly own: readonly NewCharge[]
}

async function chargesOf(tx: Tx, owing: readonly Owing[], at: Instant): Promise<readonly Charged[]> {
  const booked = new Map<string, rows.BookedRow>()
  const resources = owing.map(({ resource }) => resource)
  for (const row of await rows.selectBooked(tx, resources))
    booked.set(keyOf(row.resource, row.sku, row.priceBook), row)
  const rates = await ratesOfAll(tx, [
    ...new Set(owing.flatMap(({ sums }) => sums.map(({ priceBook }) => priceBook))),
  ])
  const stepsOf = ({ resource, sums }: Owing, reason: string | null): readonly NewCharge[] =>
    sums.flatMap((sum) => {
      const rate = rateOf(rates.get(sum.priceBook) ?? new Map(), sum.sku).nanos
      const last = booked.get(keyOf(resource, sum.sku, sum.priceBook))
      const charge = chargeOf(resource, sum, rate, last, at, reason)
      return charge ? [charge] : []
    })
  const charged: Charged[] = []
  for (const one of owing) {
    let own = stepsOf(one, null)
    const isCut = own.some(({ unitMillis }) => unitMillis < 0n)
    if (one.onlyIfCut && !isCut) continue
    if (isCut) {
      const known = (await eventsOfAll(tx, [one.resource])).filter(({ recordedAt }) => recordedAt < at)
      const upTo = own.flatMap(
        ({ sku, priceBook }) => booked.get(keyOf(one.resource, sku, priceBook))?.upTo ?? [],
      )
      own = stepsOf(one, reasonOf(known, upTo[0] ?? null))
    }
    if (own.length > 0) charged.push({ ...one, own })
  }
  return charged
}

/**
 * Pays the charges of allocations from their holds, those of storage from the wallet; releases what is left
 * over.
 */
async function moveMoney(
  tx: Tx,
  organization: OrganizationId,
  at: Instant,
  standings: readonly Standing[],
  charged: readonly Charged[],
): Promise<void> {
  const isFinal = (resource: ResourceId): boolean =>
    standings.some((one) => one.resource === resource && one.isFinal)
  const leases = standings.filter(
    ({ resource, isDue, isFinal: ended }) =>
      (isDue && ended) || charged.some((one) => one.resource === resource),
  )
  if (leases.length === 0 && charged.length === 0) return
  const accounts = await accountsOf(tx, organization)
  const leaseIds = [...new Set(leases.flatMap(({ lease }) => lease ?? []))]
  const mates = leaseIds.length === 0 ? [] : await rows.selectLeaseMates(tx, leaseIds, at)
  await applyOrThrow(tx, await leaseTransfers(tx, at, mates, charged, accounts))
  for (const { resource, isStorage, own } of charged)
    for (const charge of own)
      if (charge.amount < 0n)
        await giveBack(tx, organization, accounts, charge, at, matesOf(mates, resource), {
          isHeldAgain: !isStorage && !isFinal(resource),
        })
  const storage = charged.flatMap(({ isStorage, own }) => (isStorage ? own : []))
  await payFromWallet(tx, organization, at, storage)
}

/** What shares the lease of an allocation, itself included; none of storage, which has no lease. */
function matesOf(mates: readonly rows.LeaseMate[], resource: ResourceId): readonly ResourceId[] {
  const lease = mates.find(({ allocation }) => allocation === resource)?.lease
  return mates.filter((mate) => mate.lease === lease).map(({ allocation }) => allocation)
}

/** Settles and releases of all leases that are concerned, lease by lease. */
async function leaseTransfers(
  tx: Tx,
  at: Instant,
  mates: readonly rows.LeaseMate[],
  charged: readonly Charged[],
  accounts: Accounts,
): Promise<Transfer[]> {
  const transfers: Transfer[] = []
  const holds = await openHolds(
    tx,
    mates.map(({ allocation }) => allocation),
  )
  for (const lease of new Set(mates.map((mate) => mate.lease))) {
    const own = mates.filter((mate) => mate.lease === lease)
    const isOwn = (about: string): boolean => own.some(({ allocation }) => allocation === about)
    const left = holds.filter(({ about }) => isOwn(about))
    const charges = charged.flatMap((one) => (isOwn(one.resource) ? one.own : []))
    for (const { id, hold, amount } of paymentsOf(charges, left)) {
      if (hold) transfers.push({ kind: 'settle', id, hold, amount, bookedAt: at })
      else transfers.push(overshoot(id, amount, accounts, at, lease))
    }
    if (own.every(({ isFinal }) => isFinal))
      for (const hold of left)
        if (hold.left > 0n)
          transfers.push({
            kind: 'release',
            id: derivedId('transfer', hold.id, 'release'),
            hold: hold.id,
            bookedAt: at,
          })
  }
  return transfers
}

function overshoot(
  id: Transfer['id'],
  amount: Nanos,
  accounts: Accounts,
  bookedAt: Instant,
  about: string,
): Transfer {
  const { absorbed: debit, revenue: credit } = accounts
  return { kind: 'post', id, debit, credit, amount, code: 'overshoot', bookedAt, about }
}

/**
 * A negative charge gives back to who paid: the lots of the lease, or of the storage and of its debt that was
 * paid since. While the allocation lives on, the money stays held for it.
 */
async function giveBack(
  tx: Tx,
  organization: OrganizationId,
  { customer, revenue }: Accounts,
  { id, resource, amount }: NewCharge,
  bookedAt: Instant,
  mates: readonly ResourceId[],
  { isHeldAgain }: { readonly isHeldAgain: boolean },
): Promise<void> {
  const isStorage = mates.length === 0
  const { toWallet, asOf } = await payBack(tx, {
    organization,
    from: revenue,
    amount: nanos(-amount),
    code: 'give_back',
    id: derivedId('transfer', id, 'give back'),
    about: resource,
    bookedAt,
    paidBy: isStorage ? [{ abouts: [resource] }, { abouts: [organization] }] : [{ abouts: mates }],
  })
  if (!isHeldAgain || toWallet === 0n) return
  const sides = { debit: customer, credit: revenue, amount: toWallet }
  const hold = { id: derivedId('transfer', id, 'held again'), ...sides, bookedAt, about: resource }
  await applyOrThrow(tx, [{ kind: 'hold', code: 'lease', ...hold }], asOf)
}

/**
 * Storage is paid from what is available, the rest is owed; then an old debt is paid from what has come free.
 */
async function payFromWallet(
  tx: Tx,
  organization: OrganizationId,
  at: Instant,
  charges: readonly NewCharge[],
): Promise<void> {
  const { accounts, available, owed, asOf } = await lockWallet(tx, organization)
  const { customer, receivable, revenue } = accounts
  const transfers: Transfer[] = []
  let free: bigint = available
  for (const { id, resource, amount } of charges) {
    if (amount <= 0n) continue
    const paid = free < amount ? free : amount
    free -= paid
    const move = { kind: 'post', credit: revenue, code: 'storage', bookedAt: at, about: resource } as const
    const parts = [
      { id: derivedId('transfer', id, 'wallet'), debit: customer, amount: nanos(paid) },
      { id: derivedId('transfer', id, 'receivable'), debit: receivable, amount: nanos(amount - paid) },
    ]
    for (const part of parts) if (part.amount > 0n) transfers.push({ ...move, ...part })
  }
  const repaid = nanos(free < owed ? free : owed)
  if (repaid > 0n) transfers.push(debtPaid(tx, accounts, repaid, at, organization))
  await applyOrThrow(tx, transfers, asOf)
}

/** What is owed for storage, paid from the wallet. */
export function debtPaid(
  tx: Tx,
  { customer: debit, receivable: credit }: Accounts,
  amount: Nanos,
  bookedAt: Instant,
  about: OrganizationId,
): Transfer {
  return {
    kind: 'post',
    id: tx.newId('transfer'),
    debit,
    credit,
    amount,
    code: 'receivable',
    bookedAt,
    about,
  }
}
