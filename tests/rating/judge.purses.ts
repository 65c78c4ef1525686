import type { Asked, Purse } from '../../server/src/compute/purses.rules.ts'
import { asId } from '../../server/src/kernel/ids.ts'
import { instant } from '../../server/src/kernel/time.ts'
import type { Asking, Rating } from './asking.ts'
import * as oracle from './oracle.ts'

type PayerOf = Parameters<Rating['leases']['usedUpAt']>[0]
type RankOf = PayerOf['ranks'][number]

const minute = 60_000n

const nobody: Asked = {
  project: asId('project', 'prj_one'),
  subject: asId('instance', 'ins_one'),
  askedBy: 'per_one',
  askedKey: null,
  job: null,
}

function purse(name: Purse['name'], available: bigint, pays = true, onlyStarts = false): Purse {
  return { name, available, onlyStarts, pays: () => pays }
}

const [mine, theirs, guard] = [
  asId('budget', 'bud_mine'),
  asId('budget', 'bud_theirs'),
  asId('budget', 'bud_guard'),
]

/** Two leases, a wallet for both and a budget of one: each as far as what pays for it allows. */
export function askReach(asking: Asking, purses: Rating['purses'], payer: PayerOf): void {
  const { life, same } = asking
  const { lines, covered, tickMs, ticks } = life
  const [rank] = payer.ranks
  if (!rank) return
  const paidBy = (when: number): bigint => {
    let millis = 0
    for (const spell of rank.spells) millis += Math.max(0, Math.min(spell.to ?? when, when) - spell.from)
    return (BigInt(millis) / 1000n) * 1000n
  }
  const need = (when: number): bigint => {
    const cost = oracle.costOf(lines, paidBy(when))
    return cost > covered ? cost - covered : 0n
  }
  // The moment before a second, so that the next one would cost more.
  const to = instant(Math.floor((ticks * tickMs) / 1000) * 1000 - 1)
  if (to < 0) return
  const all = need(to)
  const [own, other] = [
    { ...payer, asked: nobody },
    { ...payer, asked: { ...nobody, job: 'other' } },
  ]
  const payers = [own, other]
  for (const [wallet, budget] of [
    [2n * all, all],
    [all, all],
    [all, all / 3n],
    [2n * all, all / 4n],
    [all / 2n, -1n],
    [-1n, all],
  ] as const) {
    const given: readonly (Purse & { readonly isOf: typeof payers })[] = [
      { ...purse('wallet', wallet), isOf: payers },
      { ...purse(mine, budget), isOf: [own], pays: ({ job }) => job === null },
      { ...purse(theirs, 0n, false), isOf: [] },
      { ...purse(guard, 0n, true, true), isOf: [] },
    ]
    const reach = purses.reachOf(payers, given, instant(0), to)
    const endOf = (one: typeof own): number => reach.get(one)?.end ?? -1
    for (const { available, isOf, name } of given) {
      const held = isOf.reduce((sum, one) => sum + need(endOf(one)), 0n)
      same(`is what ${name} pays there`, held <= (available > 0n ? available : 0n), true)
    }
    for (const one of payers) {
      const { limitedBy = null } = reach.get(one) ?? {}
      same('does it end with what limits it', endOf(one) === to, limitedBy === null)
      const limit = given.find(({ name }) => name === limitedBy)
      if (!limit) continue
      same('does it pay for what it limits', limit.isOf.includes(one), true)
      const isLimited = (of: typeof own): boolean => reach.get(of)?.limitedBy === limitedBy
      const more = limit.isOf.reduce((sum, of) => sum + need(endOf(of) + (isLimited(of) ? 1 : 0)), 0n)
      same('could it not pay more', more > (limit.available > 0n ? limit.available : 0n), true)
    }
  }
  askFirstHoldFrom(asking, purses, rank)
}

function askFirstHoldFrom({ life, same }: Asking, { firstHoldFrom }: Rating['purses'], rank: RankOf): void {
  const { lines } = life
  const one = oracle.costOf(lines, minute)
  const ten = oracle.costOf(lines, 10n * minute)
  for (const two of [
    [purse('wallet', ten), purse(mine, one)],
    [purse(mine, one), purse('wallet', ten)],
  ]) {
    const holds = firstHoldFrom(rank.lines, rank.rates, two, nobody)
    same('a first hold from two', 'hold' in holds ? holds.hold : null, one)
  }
  const guarded = [purse('wallet', ten), purse(theirs, -5n, false), purse(guard, one, true, true)]
  const whole = firstHoldFrom(rank.lines, rank.rates, guarded, nobody)
  same('a guard does not shorten it', 'hold' in whole ? whole.hold : null, ten)
  if (one === 0n) return
  const refused = firstHoldFrom(rank.lines, rank.rates, [purse('wallet', ten), purse(mine, -one)], nobody)
  same('what refuses it', 'purse' in refused ? refused.purse : null, mine)
  same('and for want of what', 'shortfall' in refused ? refused.shortfall : null, one)
}
