import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { type AccountId, asId, derivedId, type LotId, type TransferId } from '../kernel/ids.ts'
import { nanos } from '../kernel/money.ts'
import { type Instant, instant } from '../kernel/time.ts'
import { type Entry, judge } from './judgement.rules.ts'
import { type From, type Lot, lotIdOf, type LotKind, type LotUse, renewalMs } from './lots.rules.ts'
import {
  type Account,
  availableOf,
  type KnownTransfer,
  type LedgerRefusal,
  type PostedTransfer,
  postedOf,
  type Transfer,
} from './rules.ts'

// The ledger's lots against an oracle that knows no lots at all, only coins: each nano lies somewhere by
// itself. Days are the only time; whatever is random is small, so that everything meets everything.

const dayMs = 24 * 3_600_000
const wallet = asId('account', 'acc_wallet')
const ours = asId('account', 'acc_ours')
const start = instant(1_767_225_600_000)

// What can be asked ---------------------------------------------------------------------------------------

type Ask =
  | ({ readonly do: 'credit'; readonly amount: number; readonly kind: LotKind; readonly priority: number } & {
      readonly from: number | null
      readonly days: number | null
    })
  | { readonly do: 'hold' | 'pay'; readonly amount: number; readonly about: string }
  | { readonly do: 'settle'; readonly hold: number; readonly amount: number }
  | { readonly do: 'release'; readonly hold: number }
  | { readonly do: 'give back'; readonly amount: number; readonly about: string }
  | { readonly do: 'refund' | 'charge back'; readonly amount: number }
  | { readonly do: 'expire'; readonly lot: number }

const amount = fc.integer({ min: 1, max: 9 })
const about = fc.constantFrom('a', 'b')
const credited = fc.record({
  do: fc.constant('credit' as const),
  amount: fc.integer({ min: 1, max: 20 }),
  kind: fc.constantFrom<LotKind>('paid', 'promo'),
  priority: fc.constantFrom(50, 100, 100),
  from: fc.constantFrom(null, null, null, -2, 1, 3),
  days: fc.constantFrom(null, 2, 5, 9, 40, -1),
})
const held = fc.record({ do: fc.constantFrom('hold' as const, 'pay' as const), amount, about })
const settled = fc.record({ do: fc.constant('settle' as const), hold: fc.nat(20), amount })
const other: fc.Arbitrary<Ask> = fc.oneof(
  fc.record({ do: fc.constant('release' as const), hold: fc.nat(20) }),
  fc.record({ do: fc.constant('give back' as const), amount, about }),
  fc.record({ do: fc.constantFrom('refund' as const, 'charge back' as const), amount }),
  fc.record({ do: fc.constant('expire' as const), lot: fc.nat(20) }),
)
const ask: fc.Arbitrary<Ask> = fc.oneof(credited, held, held, settled, settled, other, other)
/** Calls of one or several transfers, with days in between; now and then a month. */
const story = fc.array(
  fc.record({
    wait: fc.oneof(
      { weight: 20, arbitrary: fc.constantFrom(0, 0, 0, 1, 2) },
      { weight: 1, arbitrary: fc.constant(31) },
    ),
    asks: fc.oneof(
      { weight: 3, arbitrary: fc.tuple(ask) },
      { weight: 1, arbitrary: fc.array(ask, { minLength: 2, maxLength: 3 }) },
    ),
  }),
  { minLength: 20, maxLength: 60, size: 'max' },
)

// The oracle ----------------------------------------------------------------------------------------------

interface Pile {
  readonly name: LotId
  readonly kind: LotKind
  readonly priority: number
  readonly from: Instant
  readonly to: Instant | null
  readonly since: Instant
}

interface Coin {
  pile: Pile
  place: 'free' | 'held' | 'used' | 'gone'
  /** The hold that holds it, or what it was used about. */
  by: string
  /** When it was last used: the newest use comes back first. */
  turn: number
}

interface Hold {
  readonly id: TransferId
  readonly about: string
  isReleased: boolean
}

class Purse {
  coins: Coin[] = []
  holds: Hold[] = []
  turns = 0

  copy(): Purse {
    const other = new Purse()
    other.coins = this.coins.map((coin) => ({ ...coin }))
    other.holds = this.holds.map((hold) => ({ ...hold }))
    other.turns = this.turns
    return other
  }

  mint(pile: Pile, count: number): void {
    for (let made = 0; made < count; made += 1) this.coins.push({ pile, place: 'free', by: '', turn: 0 })
  }

  /** Coins that lie there, the one that is to go first in front. */
  lying(place: Coin['place'], isMeant: (coin: Coin) => boolean): Coin[] {
    const found = this.coins.filter((coin) => coin.place === place && isMeant(coin))
    const key = ({ pile }: Coin): readonly (number | string)[] => [
      pile.priority,
      pile.to ?? Number.MAX_SAFE_INTEGER,
      pile.kind === 'promo' ? 0 : 1,
      pile.from,
      pile.since,
      pile.name,
    ]
    return found.toSorted((a, b) => {
      const [left, right] = [key(a), key(b)]
      const first = left.findIndex((value, index) => value !== right[index])
      return first < 0 ? 0 : (left[first] ?? 0) < (right[first] ?? 0) ? -1 : 1
    })
  }

  move(from: readonly Coin[], count: number, place: Coin['place'], by: string): boolean {
    if (from.length < count) return false
    for (const coin of from.slice(0, count)) Object.assign(coin, { place, by, turn: (this.turns += 1) })
    return true
  }
}

const inForce = ({ from, to }: Pile, now: Instant): boolean => from <= now && (to === null || to > now)
const lapsed = ({ to }: Pile, now: Instant): boolean => to !== null && to <= now

/** One transfer on the coins; the refusal that it must meet, or null. */
function play(purse: Purse, transfer: Transfer, now: Instant): LedgerRefusal | null {
  const { id } = transfer
  const usable = ({ pile }: Coin): boolean => inForce(pile, now)
  if (transfer.kind === 'settle' || transfer.kind === 'release') {
    const hold = purse.holds.find((one) => one.id === transfer.hold)
    if (!hold) return 'hold_not_found'
    if (hold.isReleased) return 'hold_already_released'
    const held = purse.lying('held', ({ by }) => by === hold.id)
    if (held.length === 0) return 'hold_used_up'
    if (transfer.kind === 'settle')
      return purse.move(held, Number(transfer.amount), 'used', hold.about) ? null : 'exceeds_hold'
    hold.isReleased = true
    purse.move(held, held.length, 'free', '')
    return null
  }
  const count = Number(transfer.amount)
  if (transfer.kind === 'hold') {
    purse.holds.push({ id, about: transfer.about, isReleased: false })
    return purse.move(purse.lying('free', usable), count, 'held', id) ? null : 'exceeds_credits'
  }
  if (transfer.into && 'terms' in transfer.into) {
    const { kind, priority, effectiveAt, expiresAt: to } = transfer.into.terms
    const from = effectiveAt ?? now
    if (to !== null && (to <= from || to <= now)) return 'lapses_at_once'
    purse.mint({ name: lotIdOf(id), kind, priority, from, to, since: now }, count)
    return null
  }
  if (transfer.into) return comeBack(purse, id, transfer.about, count, now)
  const { from } = transfer
  if (from && 'lapsed' in from) {
    const left = purse.lying('free', ({ pile }) => pile.name === from.lapsed && lapsed(pile, now))
    return purse.move(left, count, 'gone', '') ? null : 'exceeds_credits'
  }
  const free = purse.lying('free', usable)
  const bought = free.filter(({ pile }) => pile.kind === 'paid')
  const order = !from ? free : 'only' in from ? bought : [...new Set([...bought, ...free])]
  return purse.move(order, count, 'used', transfer.about) ? null : 'exceeds_credits'
}

function comeBack(
  purse: Purse,
  id: TransferId,
  about: string,
  count: number,
  now: Instant,
): LedgerRefusal | null {
  const used = purse.coins
    .filter((coin) => coin.place === 'used' && coin.by === about)
    .toSorted((a, b) => b.turn - a.turn)
  if (used.length < count) return 'exceeds_uses'
  const renewed = new Map<Pile, Pile>()
  for (const coin of used.slice(0, count)) {
    const { pile } = coin
    Object.assign(coin, { place: 'free', by: '' })
    if (!lapsed(pile, now)) continue
    const dates = { from: now, to: instant(now + renewalMs), since: now }
    const next = renewed.get(pile) ?? { ...pile, name: derivedId('lot', id, pile.name), ...dates }
    renewed.set(pile, next)
    coin.pile = next
  }
  return null
}

// The ledger, kept in memory as its tables keep it --------------------------------------------------------

const zero = nanos(0n)
const limited = { limit: 'debits_must_not_exceed_credits', code: 'customer' } as const
const fresh = {
  owner: 'platform',
  currency: 'USD',
  isClosed: false,
  debitsPending: zero,
  debitsPosted: zero,
  creditsPending: zero,
  creditsPosted: zero,
} as const

/** Append-only, but for totals and lots: whatever else a call needs to know is folded from the rows. */
class Books {
  accounts = new Map<AccountId, Account>([
    [wallet, { ...fresh, id: wallet, ...limited }],
    [ours, { ...fresh, id: ours, code: 'revenue', limit: null }],
  ])
  transfers: PostedTransfer[] = []
  lots = new Map<LotId, Lot>()
  uses: LotUse[] = []

  /** The holds there are, oldest first. */
  get holds(): readonly TransferId[] {
    return this.transfers.filter(({ kind }) => kind === 'hold').map(({ id }) => id)
  }

  known(): ReadonlyMap<TransferId, KnownTransfer> {
    return new Map(
      this.transfers.map((one) => {
        const moves = this.transfers.filter(({ hold }) => hold === one.id)
        const settles = moves.filter(({ kind }) => kind === 'settle')
        const settled = nanos(settles.reduce((sum, { amount: part }) => sum + part, 0n))
        return [one.id, { ...one, settled, isReleased: moves.some(({ kind }) => kind === 'release') }]
      }),
    )
  }

  judge(transfers: readonly Transfer[], asOf: Instant): ReturnType<typeof judge> {
    const known = this.known()
    const reserved = new Map<TransferId, Map<LotId, ReturnType<typeof nanos>>>()
    for (const { transfer, lot, kind, amount: part } of this.uses) {
      if (kind !== 'reserve' && kind !== 'settle' && kind !== 'release') continue
      const hold = known.get(transfer)?.hold ?? transfer
      const parts = reserved.get(hold) ?? new Map()
      const before = parts.get(lot) ?? zero
      reserved.set(hold, parts.set(lot, nanos(before + (kind === 'reserve' ? part : -part))))
    }
    const returnable = this.uses.flatMap(({ transfer, lot, kind, amount: whole }) => {
      if (kind !== 'use' && kind !== 'settle') return []
      const back = this.uses.filter((use) => use.returned === transfer && use.lot === lot)
      const left = nanos(back.reduce((rest, use) => rest - use.amount, whole + 0n))
      return [{ transfer, lot, account: wallet, about: known.get(transfer)?.about ?? '', left }]
    })
    const stock = { lots: [...this.lots.values()], reserved, returnable, asOf }
    return judge({ accounts: this.accounts, transfers: known, stock }, transfers)
  }

  write(entry: Entry): void {
    this.transfers.push(...entry.added)
    this.uses.push(...entry.uses)
    for (const lot of [...entry.stacked, ...entry.changed]) this.lots.set(lot.id, lot)
    for (const [id, totals] of entry.totals) {
      const before = this.accounts.get(id)
      if (before) this.accounts.set(id, { ...before, ...totals })
    }
  }
}

// The story -----------------------------------------------------------------------------------------------

const none = asId('transfer', 'trf_none')

/** An ask as the transfer that a caller would make of it. */
function transferOf(asked: Ask, index: number, books: Books, now: Instant): Transfer {
  const id = asId('transfer', `trf_${String(books.transfers.length + index).padStart(6, '0')}`)
  const out = { id, debit: wallet, credit: ours, bookedAt: now }
  const hold = 'hold' in asked ? (books.holds[asked.hold % Math.max(1, books.holds.length)] ?? none) : none
  switch (asked.do) {
    case 'credit': {
      const { kind, priority, from, days } = asked
      const dated = { effectiveAt: from === null ? null : after(now, from) }
      const terms = { kind, priority, ...dated, expiresAt: days === null ? null : after(now, days) }
      const move = { amount: nanos(BigInt(asked.amount)), code: 'grant', about: 'us', bookedAt: now } as const
      return { kind: 'post', id, debit: ours, credit: wallet, ...move, into: { terms } }
    }
    case 'hold':
      return { kind: 'hold', ...out, amount: nanos(BigInt(asked.amount)), code: 'lease', about: asked.about }
    case 'pay':
      return {
        kind: 'post',
        ...out,
        amount: nanos(BigInt(asked.amount)),
        code: 'storage',
        about: asked.about,
      }
    case 'settle':
      return { kind: 'settle', id, hold, amount: nanos(BigInt(asked.amount)), bookedAt: now }
    case 'release':
      return { kind: 'release', id, hold, bookedAt: now }
    case 'give back': {
      const move = { amount: nanos(BigInt(asked.amount)), code: 'give_back', bookedAt: now } as const
      const into = { returns: { abouts: [asked.about] } }
      return { kind: 'post', id, debit: ours, credit: wallet, ...move, about: asked.about, into }
    }
    case 'refund':
    case 'charge back': {
      const move = { amount: nanos(BigInt(asked.amount)), code: 'refund', about: 'bank' } as const
      const from: From = asked.do === 'refund' ? { only: 'paid' } : { first: 'paid' }
      return { kind: 'post', ...out, ...move, from }
    }
    case 'expire': {
      const lots = [...books.lots.values()]
      const lot = lots[asked.lot % Math.max(1, lots.length)]
      const left = lot ? lot.remaining - lot.reserved : 0n
      const move = { amount: nanos(left > 0n ? left : 1n), code: 'expiry', about: 'time' } as const
      return { kind: 'post', ...out, ...move, from: { lapsed: lot?.id ?? asId('lot', 'lot_none') } }
    }
  }
}

function after(now: Instant, days: number): Instant {
  return instant(now + days * dayMs)
}

/** What the oracle says of a call: all of it, or the first that is refused. */
function expectedOf(purse: Purse, transfers: readonly Transfer[], now: Instant): Purse | string {
  const copy = purse.copy()
  for (const [index, transfer] of transfers.entries()) {
    const refusal = play(copy, transfer, now)
    if (refusal) return `${index} ${refusal}`
  }
  return copy
}

function agree(books: Books, purse: Purse): void {
  const lying = (lot: LotId, ...places: readonly Coin['place'][]): bigint =>
    BigInt(purse.coins.filter(({ pile, place }) => pile.name === lot && places.includes(place)).length)
  const shown = [...books.lots.values()].map(({ id, remaining, reserved }) => [id, remaining, reserved])
  assert.deepEqual(
    shown,
    [...books.lots.keys()].map((id) => [id, lying(id, 'free', 'held'), lying(id, 'held')]),
  )
  for (const { pile } of purse.coins) assert.ok(books.lots.has(pile.name), 'no coin lies outside the lots')
  // I2: the account, its transfers and its lots say the same.
  const account = books.accounts.get(wallet)
  assert.ok(account)
  const sum = (of: (lot: Lot) => bigint): bigint =>
    [...books.lots.values()].reduce((all, lot) => all + of(lot), 0n)
  assert.equal(
    postedOf(account),
    sum(({ remaining }) => remaining),
  )
  assert.equal(
    account.debitsPending,
    sum(({ reserved }) => reserved),
  )
  assert.ok(availableOf(account) >= 0n)
  for (const { amount: whole, remaining, reserved } of books.lots.values())
    assert.ok(reserved >= 0n && remaining >= reserved && whole >= remaining)
  // Nothing of a lot happens that is not written down.
  for (const { id, amount: whole, remaining, renews } of books.lots.values()) {
    const moved = books.uses.filter(({ lot }) => lot === id)
    const total = (...kinds: readonly LotUse['kind'][]): bigint =>
      moved.reduce((all, use) => (kinds.includes(use.kind) ? all + use.amount : all), 0n)
    assert.equal(remaining, whole - total('settle', 'use', 'expire', 'renew') + total('return'))
    if (renews) assert.equal(books.lots.get(renews)?.kind, books.lots.get(id)?.kind, 'promo stays promo')
  }
}

describe('credit lots', () => {
  it('are what coins would be, whatever happens in whatever order', () => {
    fc.assert(
      fc.property(story, (chapters) => {
        const books = new Books()
        let purse = new Purse()
        let now = start
        for (const { wait, asks } of chapters) {
          now = after(now, wait)
          const transfers = asks.map((asked, index) => transferOf(asked, index, books, now))
          const expected = expectedOf(purse, transfers, now)
          const judgement = books.judge(transfers, now)
          if (typeof expected === 'string') {
            assert.ok(!judgement.ok, `refused: ${expected}`)
            assert.equal(`${judgement.index} ${judgement.reason}`, expected)
            continue
          }
          assert.ok(judgement.ok, judgement.ok ? '' : `${judgement.index} ${judgement.reason}`)
          books.write(judgement)
          purse = expected
          agree(books, purse)
          // The same call again changes nothing.
          const again = books.judge(transfers, now)
          assert.ok(again.ok && again.added.length + again.uses.length + again.changed.length === 0)
        }
      }),
      { numRuns: 500 },
    )
  })
})
