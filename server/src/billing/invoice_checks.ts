import type { Tx } from '../store/store.ts'
import * as rows from './invoice_checks.rows.ts'

/** An invariant of `money.md` §4, asked of the rows themselves. */
export interface InvoiceCheck {
  readonly invariant: 'I13'
  readonly ok: boolean
  /** What was found, for the operator: sums where it holds, else the first ten that break it. */
  readonly found: string
}

/**
 * Checks everything that was issued: numbers without a gap, sums, periods that join, and that revenue, tax
 * and rounding are what was invoiced, to the nano. In one snapshot: give it a transaction of `store.read`.
 * Reads every transfer there is; for the night.
 */
export async function invoiceChecks(tx: Tx): Promise<readonly InvoiceCheck[]> {
  const earned = await rows.selectEarned(tx)
  const unlike = earned.filter(
    ({ revenue, tax, rounding, net, invoicedTax, rounded, open }) =>
      revenue !== net + open || tax !== invoicedTax || -rounding !== rounded,
  )
  const said = earned.map(
    ({ currency, revenue, net, open }) => `${currency}: revenue ${revenue} = ${net} invoiced + ${open} open`,
  )
  return [
    broken(await rows.selectGaps(tx), 'numbers have no gap'),
    broken(await rows.selectUnsummed(tx), 'every invoice adds up, and to its charges'),
    broken(await rows.selectUnjoined(tx), 'periods follow each other'),
    broken(
      unlike.map(
        ({ currency, ...sums }) => `${currency}: ${Object.entries(sums).flat().map(String).join(' ')}`,
      ),
      said.join(', ') || 'nothing was earned',
    ),
  ]
}

function broken(by: readonly string[], otherwise: string): InvoiceCheck {
  return { invariant: 'I13', ok: by.length === 0, found: by.length === 0 ? otherwise : by.join(', ') }
}
