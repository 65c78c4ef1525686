import type { Tx } from '../store/store.ts'
import * as rows from './checks.rows.ts'

/** An invariant of `money.md` §4, asked of the rows themselves. */
export interface Check {
  readonly invariant: 'I1' | 'I2' | 'I3' | 'I11' | 'I16'
  readonly ok: boolean
  /** What was found, for the operator: sums where it holds, else the first ten that break it. */
  readonly found: string
}

/**
 * Checks the whole ledger, in one snapshot: give it a transaction of `store.read`. Reads every transfer there
 * is; for the night.
 */
export async function checks(tx: Tx): Promise<readonly Check[]> {
  const sides = await rows.sumSides(tx)
  const mixed = await rows.selectMixed(tx)
  const isEven = sides.every(({ debited, credited }) => debited === credited)
  const even = sides.map(({ currency, debited, credited }) => `${currency} ${debited} = ${credited}`)
  const unlike = [
    ...(await rows.selectUnlikeTransfers(tx)),
    ...(await rows.selectUnlikeLots(tx)),
    ...(await rows.selectUnlikeUses(tx)),
  ]
  return [
    {
      invariant: 'I1',
      ok: isEven && mixed.length === 0,
      found: [...even, ...mixed].join(', ') || 'no transfers',
    },
    broken('I2', unlike, 'accounts, transfers and lots agree'),
    broken('I3', await rows.selectBeyondLimit(tx), 'no account is beyond its limit'),
    broken('I11', await rows.selectOvercharged(tx), 'nobody was charged more than came in and is owed'),
    trialBalance(await rows.selectBalances(tx)),
  ]
}

function broken(invariant: Check['invariant'], by: readonly string[], otherwise: string): Check {
  return { invariant, ok: by.length === 0, found: by.length === 0 ? otherwise : by.join(', ') }
}

/** What we owe and have earned, against what came in, was given and was borne; per currency. */
const earned = ['customer', 'receivable', 'revenue', 'tax', 'breakage', 'rounding']
const spent = ['cash', 'promo_expense', 'absorbed']

function trialBalance(balances: readonly rows.BalanceRow[]): Check {
  const currencies = [...new Set(balances.map(({ currency }) => currency))]
  const sums = currencies.map((currency) => {
    const sum = (codes: readonly string[]): bigint =>
      balances.reduce(
        (total, one) => (one.currency === currency && codes.includes(one.code) ? total + one.balance : total),
        0n,
      )
    return { currency, left: sum(earned), right: -sum(spent) }
  })
  return {
    invariant: 'I16',
    ok: sums.every(({ left, right }) => left === right),
    found:
      sums.map(({ currency, left, right }) => `${currency} ${left} = ${right}`).join(', ') || 'no accounts',
  }
}
