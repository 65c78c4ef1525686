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
