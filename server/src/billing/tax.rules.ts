import { type Nanos, nanos } from '../kernel/money.ts'
import { roundedToMinor } from './rounding.rules.ts'

/** What an operator set for an organization: a rate by its name, in hundredths of a percent. */
export interface TaxRule {
  /** As it stands on the invoice: "VAT", "增值税". */
  readonly name: string
  readonly basisPoints: number
  /** Printed below it: the law, or why there is none to pay. */
  readonly note: string | null
}

/** What tax is due on: a supply in whole minor units; negative where more was given back than used. */
export interface Supply {
  /** All lines. */
  readonly net: Nanos
  /** What promotional credit paid of them: a price that nobody paid bears no tax. */
  readonly promo: Nanos
}

/** One tax on an invoice; the amount in whole minor units. */
export interface TaxLine extends TaxRule {
  /** What it is a share of. */
  readonly base: Nanos
  readonly amount: Nanos
}

/** Says what tax a supply bears. Another country's law is another of these. */
export interface Tax {
  linesOn(supply: Supply): readonly TaxLine[]
}

/** Nothing to be said about tax. */
export const noTax: Tax = { linesOn: () => [] }

/** One rate on everything that was paid with money; half a minor unit is rounded away from zero. */
export function fixedRate(rule: TaxRule): Tax {
  return {
    linesOn({ net, promo }) {
      const left = net - promo
      // Promotional credit can at most pay all of it.
      const base = nanos((net >= 0n && left < 0n) || (net < 0n && left > 0n) ? 0n : left)
      const amount = roundedToMinor(base * BigInt(rule.basisPoints), 10_000n)
      return [{ ...rule, base, amount }]
    },
  }
}

/** The tax of an organization: that of its rule, or none. */
export function taxOf(rule: TaxRule | null): Tax {
  return rule === null ? noTax : fixedRate(rule)
}
