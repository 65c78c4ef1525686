import { type Nanos, nanos } from '../kernel/money.ts'
import type { LotKind } from '../ledger/lots.rules.ts'
import type { IncomeCode } from '../ledger/rules.ts'

/** What a credit is for. */
export type CreditCode = Exclude<IncomeCode, 'reversal'>

/** The account of ours that a credit comes out of. */
export type Fund = 'cash' | 'promoExpense' | 'revenue'

/**
 * Which account pays for a credit; null: there is no such credit, since what nobody paid for is never bought
 * money.
 */
export function fundOf(code: CreditCode, kind: LotKind): Fund | null {
  switch (code) {
    case 'payment':
      return kind === 'paid' ? 'cash' : null
    case 'grant':
      return kind === 'paid' ? 'cash' : 'promoExpense'
    case 'promo_code':
    case 'allowance':
    case 'rebate':
      return kind === 'promo' ? 'promoExpense' : null
    case 'credit_note':
      return 'revenue'
  }
}

/** Fills rooms one after the other; `rest` is what none of them takes. */
export function sharesOf(
  amount: Nanos,
  rooms: readonly Nanos[],
): { readonly parts: readonly Nanos[]; readonly rest: Nanos } {
  let rest: bigint = amount
  const parts = rooms.map((room) => {
    const part = room < rest ? room : rest
    rest -= part
    return nanos(part)
  })
  return { parts, rest: nanos(rest) }
}
