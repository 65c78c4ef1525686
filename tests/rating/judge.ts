import { asId } from '../../server/src/kernel/ids.ts'
import type { UsageEvent } from '../../server/src/journal/rules.ts'
import { instant } from '../../server/src/kernel/time.ts'
import { type Nanos, nanos } from '../../server/src/kernel/money.ts'
import { Asking, type Difference, Differs, type Rating } from './asking.ts'
import type { Life } from './histories.ts'
import { askReach } from './judge.purses.ts'
import * as oracle from './oracle.ts'

/** Loads the rating core from a copy of `server/src`. */
export async function ratingAt(source: URL): Promise<Rating> {
  const module = (path: string): string => new URL(path, source).href
  return {
    metering: await import(module('metering/rules.ts')),
    pricing: await import(module('pricing/rules.ts')),
    billing: await import(module('billing/rules.ts')),
    leases: await import(module('compute/leases.rules.ts')),
    purses: await import(module('compute/purses.rules.ts')),
  }
}

const allocation = asId('allocation', 'alo_one')
const volume = asId('volume', 'vol_one')
const book = asId('priceBook', 'pb_one')

/** What is asked: of amounts alone, or of leases as well, which takes ten times as long. */
export type About = 'amounts' | 'everything'

/** The first thing that rating and oracle answer differently about a life; null: nothing. */
export function differenceIn(rating: Rating, life: Life, about: About = 'everything'): Difference | null {
  try {
    judge(rating, life, about)
    return null
  } catch (error) {
    if (error instanceof Differs) return error.difference
    // A rating that throws answers nothing.
    return { about: 'an answer', rated: error, oracle: 'no error' }
  }
}

function judge(rating: Rating, life: Life, about: About): void {
  const asking = new Asking(life)
  const paid = oracle.paidTicks(life.events, life.tickMs, life.ticks)
  askSpells(asking, rating, paid)
  askCharges(asking, rating)
  askStorage(asking, rating)
  if (about === 'everything') askLeases(asking, rating, paid)
}

/** The events as the journal holds them, as far as the rating looks at them. */
function journalOf({ events, lines }: Life, before = Number.MAX_SAFE_INTEGER): readonly UsageEvent[] {
  const began = { type: 'allocated', at: 0, recordedAt: 0 }
  const told = [began, ...events].filter(({ recordedAt }) => recordedAt < before)
  return told.map(({ type, at, recordedAt }, index) => {
    const data = type === 'allocated' ? { priceBook: book, lines } : {}
    // The rating core reads the type, the times, and the data of the first.
    return { resource: allocation, seq: index + 1, type, at, recordedAt, data } as unknown as UsageEvent
  })
}

function ratesOf({ lines }: Life): ReadonlyMap<string, { sku: string; unit: 'gpu-hour'; nanos: Nanos }> {
  return new Map(lines.map(({ sku, nanos: rate }) => [sku, { sku, unit: 'gpu-hour', nanos: nanos(rate) }]))
}

function askSpells(asking: Asking, { metering }: Rating, paid: oracle.Ticks): void {
  const { life } = asking
  const { tickMs, ticks, settledAt } = life
  const journal = journalOf(life)
  const { spells, everReady, closedForGood, released } = metering.fold(journal)
  const has = (...wanted: readonly string[]): boolean => life.events.some(({ type }) => wanted.includes(type))
  asking.same('was it ever ready', everReady, has('ready'))
  asking.same('is it closed for good', closedForGood, has('stop_accepted', 'exited', 'lease_ended', 'fault'))
  asking.same('was it released', released, has('released'))
  for (const { from, to } of spells) asking.same('a spell has a length', from === to, false)
  for (const before of [...settledAt, ticks * tickMs]) {
    const expected = oracle.paidBefore(paid, tickMs, before)
    asking.same(`paid before ${before}`, metering.paidMillis(spells, instant(before)), expected)
    let stretches = 0n
    for (const { quantity, from, to } of metering.stretchesOf(journal, instant(before))) {
      asking.same('a stretch has a length', from < to, true)
      stretches += BigInt(quantity) * BigInt(to - from)
    }
    const units = life.lines.reduce((sum, { quantity }) => sum + BigInt(quantity), 0n)
    asking.same(`stretches before ${before}`, stretches, units * expected)
  }
}

/** Settlements at the life's instants, each by what was written before it: the sums and what they add. */
function askCharges(asking: Asking, { metering, billing }: Rating): void {
  const { life } = asking
  const { tickMs, ticks, lines, settledAt } = life
  const booked = new Map<string, { seq: number; unitMillis: bigint; amount: bigint }>()
  for (const at of settledAt) {
    const known = life.events.filter(({ recordedAt }) => recordedAt < at)
    const paid = oracle.paidBefore(oracle.paidTicks(known, tickMs, ticks), tickMs, at)
    const sums = metering.sumsOf(journalOf(life, at), instant(at))
    asking.same(`sums at ${at}`, sums.length, lines.length)
    for (const [index, { sku, quantity, nanos: rate }] of lines.entries()) {
      const sum = sums[index]
      const expected = BigInt(quantity) * paid
      asking.same(`sum of ${sku} at ${at}`, sum?.unitMillis, expected)
      asking.same(`book of ${sku} at ${at}`, sum?.priceBook, book)
      if (!sum) continue
      const last = booked.get(sku)
      const charge = billing.chargeOf(allocation, sum, nanos(rate), last, instant(at), 'why')
      const before = last ?? { seq: 0, unitMillis: 0n, amount: 0n }
      if (expected === before.unitMillis) {
        asking.same(`charge of ${sku} at ${at}`, charge, null)
        continue
      }
      const amount = oracle.priceOf(rate, expected)
      asking.same(`before of ${sku} at ${at}`, charge?.unitMillisBefore, before.unitMillis)
      asking.same(`units of ${sku} at ${at}`, charge?.unitMillis, expected - before.unitMillis)
      asking.same(`amount of ${sku} at ${at}`, charge?.amount, amount - before.amount)
      asking.same(`rate of ${sku} at ${at}`, charge?.nanos, rate)
      asking.same(`id of ${sku} at ${at}`, charge?.id.startsWith('chg_'), true)
      asking.same(`seq of ${sku} at ${at}`, charge?.seq, before.seq + 1)
      asking.same(`reason of ${sku} at ${at}`, charge?.reason, expected < before.unitMillis ? 'why' : null)
      booked.set(sku, { seq: before.seq + 1, unitMillis: expected, amount })
    }
  }
}

function storageJournal({ storage }: Life, before: number): readonly UsageEvent[] {
  return storage
    .filter(({ recordedAt }) => recordedAt < before)
    .map(({ at, recordedAt, sizeGib, book: named, isEnd, isNote }, index) => {
      const type =
        index === 0 ? 'created' : isNote ? 'note' : isEnd ? 'deleted' : sizeGib ? 'resized' : 'repriced'
      const data = { sku: 'volume', sizeGib, priceBook: named }
      // As above.
      return { resource: volume, seq: index + 1, type, at, recordedAt, data } as unknown as UsageEvent
    })
}

function askStorage(asking: Asking, { metering, pricing }: Rating): void {
  const { life } = asking
  for (const before of life.settledAt) {
    const journal = storageJournal(life, before)
    const sums = metering.sumsOf(journal, instant(before))
    const seen = life.storage.filter(({ recordedAt }) => recordedAt < before)
    const expected = oracle.storedBefore(seen, life.tickMs, before)
    let stretches = 0n
    for (const { quantity, from, to } of metering.stretchesOf(journal, instant(before))) {
      asking.same('a stretch of storage has a length', from < to, true)
      stretches += BigInt(quantity) * BigInt(to - from)
    }
    asking.same(
      'stretches of storage',
      stretches,
      [...expected.values()].reduce((sum, one) => sum + one, 0n),
    )
    let cost = 0n
    for (const { unitMillis, priceBook, sku } of sums) {
      asking.same(`stored under ${priceBook} before ${before}`, unitMillis, expected.get(priceBook) ?? 0n)
      asking.same('the sku of storage', sku, 'volume')
      const rate = life.bookNanos.get(priceBook) ?? 0n
      cost += pricing.amountOf(rate, unitMillis)
    }
    let price = 0n
    for (const [named, unitMillis] of expected)
      price += oracle.priceOf(life.bookNanos.get(named) ?? 0n, unitMillis)
    asking.same(`storage before ${before}`, cost, price)
    const [first] = journal
    if (!first) continue
    const now = metering.storageNow(journal)
    const isOver = seen.some(({ isEnd }) => isEnd)
    asking.same(
      'the size of storage',
      now?.sizeGib,
      isOver ? undefined : seen.findLast((one) => one.sizeGib)?.sizeGib,
    )
    asking.same(
      'the book of storage',
      now?.priceBook,
      isOver ? undefined : seen.findLast((one) => one.book)?.book,
    )
  }
}

const minute = 60_000n

function askLeases(asking: Asking, { metering, pricing, leases, purses }: Rating, paid: oracle.Ticks): void {
  const { life } = asking
  const { tickMs, ticks, lines, covered } = life
  const rates = ratesOf(life)
  const { spells } = metering.fold(journalOf(life))
  const rank = { lines, rates, spells }
  const payer = { ranks: [rank], covered: nanos(covered) }
  const perHour = oracle.costOf(lines, 3_600_000n)
  asking.same('an hour', pricing.ratePerHour(lines, rates), perHour)
  asking.same('is it priced', pricing.isPriced(lines, rates), true)
  const total = oracle.paidBefore(paid, tickMs, ticks * tickMs)
  for (const at of life.settledAt) {
    const millis = oracle.paidBefore(paid, tickMs, at)
    const cost = oracle.costOf(lines, millis)
    asking.same(`cost at ${at}`, leases.costAt([rank], instant(at)), cost)
    asking.same(`cost of two at ${at}`, leases.costAt([rank, rank], instant(at)), cost * 2n)
    const whole = oracle.costOf(lines, (millis / 1000n) * 1000n)
    asking.same(`need at ${at}`, leases.needUntil(payer, instant(at)), whole > covered ? whole - covered : 0n)
    const two = { ranks: [rank, rank], covered: nanos(covered) }
    const both = cost * 2n
    asking.same(
      `need of two at ${at}`,
      leases.needUntil(two, instant(at)),
      both > covered ? both - covered : 0n,
    )
  }
  const isOpen = spells.at(-1)?.to === null
  const closed = { ...rank, spells: [] }
  asking.same('does one of two run', leases.isRunning({ ranks: [rank, closed], covered: nanos(0n) }), isOpen)
  for (const { to } of spells) {
    if (to === null) continue
    const isLate = spells.some((spell) => spell.to !== null && spell.to > to)
    const one = { ranks: [rank, closed], covered: nanos(0n) }
    asking.same('was one of two overshot', leases.isOvershot(one, to), isLate)
  }
  asking.same('nobody needs anything', leases.needUntil({ ranks: [], covered: nanos(0n) }, instant(1)), 0n)
  asking.same('nobody is used up', leases.usedUpAt({ ranks: [], covered: nanos(0n) }), null)
  askBooks(asking, pricing, rates)
  asking.same('does it run', leases.isRunning(payer), isOpen)
  askSpellAmounts(asking, leases, rank)
  askFirstHold(asking, leases, rank)
  if (covered < 0n)
    return asking.same('seconds of a debt', leases.secondsCovered(lines, rates, covered) ?? 0n, 0n)
  askReach(asking, purses, payer)
  askEnd(asking, leases, payer, { paid, total, isOpen })
  askEndsOfSpells(asking, leases, rank, { paid, total, isOpen })
  askEndOfTwo(asking, leases, rank, paid)
}

/** What the book lacks is not priced, and asking for it is a fault. */
function askBooks(
  { life, same }: Asking,
  pricing: Rating['pricing'],
  rates: ReturnType<typeof ratesOf>,
): void {
  const lacking = [...life.lines, { sku: 'sku.missing', quantity: 1 }]
  same('is it priced where one is missing', pricing.isPriced(lacking, rates), false)
  let code: unknown
  try {
    pricing.rateOf(rates, 'sku.missing')
  } catch (error) {
    code = error instanceof Error && 'code' in error ? error.code : error
  }
  same('the rate of what is missing', code, 'internal')
}

type Leases = Rating['leases']
type RankOf = Parameters<Leases['costAt']>[0][number]
type PayerOf = Parameters<Leases['usedUpAt']>[0]

/** What each spell added: together what all cost. */
function askSpellAmounts({ life, same }: Asking, leases: Leases, rank: RankOf): void {
  const end = life.ticks * life.tickMs
  let sum = 0n
  let millis = 0n
  for (const [index, { from, to }] of rank.spells.entries()) {
    const added = leases.amountOfSpell(rank, index, instant(end))
    millis += BigInt(Math.min(to ?? end, end) - from)
    sum += added
    same(`the spells up to ${index}`, sum, oracle.costOf(life.lines, millis))
  }
}

/** Ten minutes, or all there is if that is good for one. */
function askFirstHold({ life, same }: Asking, leases: Leases, { lines, rates }: RankOf): void {
  const [ten, one] = [oracle.costOf(life.lines, 10n * minute), oracle.costOf(life.lines, minute)]
  for (const available of [ten, ten + 1n, ten - 1n, one, one + 1n, one - 1n, 0n]) {
    if (available < 0n) continue
    const first = leases.firstHold(lines, rates, nanos(available))
    const expected = available >= ten ? ten : available >= one ? available : null
    same(`a first hold of ${available}`, 'hold' in first ? first.hold : null, expected)
    same(
      'what is missing',
      'shortfall' in first ? first.shortfall : null,
      expected === null ? one - available : null,
    )
  }
}

/** N, and the instant at which the paid time of the life reaches it. */
function askEnd(
  { life, same }: Asking,
  leases: Leases,
  payer: PayerOf,
  seen: { readonly paid: oracle.Ticks; readonly total: bigint; readonly isOpen: boolean },
): void {
  const { tickMs, ticks, lines, covered } = life
  const [rank] = payer.ranks
  if (!rank) return
  const horizon = ticks * tickMs
  const isFree = lines.every(({ nanos: rate }) => rate === 0n)
  const seconds = leases.secondsCovered(rank.lines, rank.rates, covered)
  const end = leases.usedUpAt(payer)
  if (isFree) {
    same('seconds of what is free', seconds, null)
    return same('the end of what is free', end, null)
  }
  const most = Math.ceil(horizon / 1000) + 5
  const expected = oracle.secondsCovered(lines, covered, most)
  if (expected === null) return same('are more seconds covered', (seconds ?? 0n) >= BigInt(most), true)
  same('seconds covered', seconds, BigInt(expected))
  const reached = oracle.reaches(seen.paid, tickMs, expected * 1000)
  const beyond = seen.isOpen ? horizon + expected * 1000 - Number(seen.total) : null
  const usedUp = reached ?? beyond
  same('used up at', end, usedUp)
  if (usedUp !== null) askOvershoot({ same }, leases, payer, usedUp)
  const rich = { ...payer, covered: nanos(10n ** 30n) }
  const last = leases.usedUpAt(rich)
  same('the end of the calendar', last, seen.isOpen ? leases.endOfTime : null)
  askCalendar({ same }, leases, rank)
}

/** Money for just as much as the first spell took: it is used up where the next one begins. */
function askEndsOfSpells(
  asking: Asking,
  leases: Leases,
  rank: RankOf,
  seen: Parameters<typeof askEnd>[3],
): void {
  const [first] = rank.spells
  if (!first?.to) return
  const millis = BigInt(first.to - first.from)
  const covered = oracle.costOf(asking.life.lines, (millis / 1000n) * 1000n)
  const life = { ...asking.life, covered }
  askEnd(new Asking(life), leases, { ranks: [rank], covered: nanos(covered) }, seen)
  const inTheFirst = { ...asking.life, covered: oracle.costOf(asking.life.lines, millis / 2n) * 2n }
  askEndOfTwo(new Asking(inTheFirst), leases, rank, seen.paid)
}

function askOvershoot({ same }: Pick<Asking, 'same'>, leases: Leases, payer: PayerOf, usedUp: number): void {
  const isLate = payer.ranks[0]?.spells.some(({ to }) => to !== null && to > usedUp) ?? false
  same('was it overshot', leases.isOvershot(payer, instant(usedUp)), isLate)
}

/** Two machines of one lease: the last moment at which both together cost no more than is covered. */
function askEndOfTwo({ life, same }: Asking, leases: Leases, rank: RankOf, paid: oracle.Ticks): void {
  const { tickMs, ticks, lines, covered } = life
  const end = leases.usedUpAt({ ranks: [rank, rank], covered: nanos(covered) })
  const costAfter = (millis: bigint): bigint => 2n * oracle.costOf(lines, millis)
  let millis = 0n
  for (let tick = 0; tick < ticks; tick += 1) {
    if (paid[tick] === 0) continue
    if (costAfter(millis + BigInt(tickMs)) > covered) {
      let ms = 0
      while (costAfter(millis + BigInt(ms + 1)) <= covered) ms += 1
      return same('two used up at', end, tick * tickMs + ms)
    }
    millis += BigInt(tickMs)
  }
  const isOpen = rank.spells.at(-1)?.to === null
  if (!isOpen || lines.every(({ nanos: rate }) => rate === 0n)) return same('two never used up', end, null)
  same('two used up later', end !== null && end >= ticks * tickMs, true)
}

/** A nano a second, and money for as many seconds as the calendar has: the last of them are beyond it. */
function askCalendar({ same }: Pick<Asking, 'same'>, leases: Leases, { spells }: RankOf): void {
  const [first] = spells
  if (!first) return
  const line = { sku: 'sku.slow', unit: 'gpu-hour' as const, nanos: nanos(3600n) }
  const slow = {
    lines: [{ sku: line.sku, quantity: 1 }],
    rates: new Map([[line.sku, line]]),
    spells: [{ from: instant(first.from + 5000), to: null }],
  }
  const covered = nanos(BigInt(Math.floor(leases.endOfTime / 1000)))
  same('beyond the calendar', leases.usedUpAt({ ranks: [slow], covered }), leases.endOfTime)
}
