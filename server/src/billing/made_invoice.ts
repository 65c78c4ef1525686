import { asId } from '../kernel/ids.ts'
import { nanos } from '../kernel/money.ts'
import { parseInstant } from '../kernel/time.ts'
import { draftOf, fundingOf, taxed, totalsOf } from './invoices.rules.ts'
import type { FinalInvoice } from './paper.rules.ts'
import { paymentsMade } from './made_charges.ts'

/** A finalised invoice, for tests: two projects, storage, a fault, tax, promotional credit, something due. */
export function madeInvoice(): FinalInvoice {
  const { charges, used, payments, tax } = paymentsMade()
  const draft = draftOf(
    charges,
    (resource) => used.get(resource) ?? { kind: 'volume', project: 'prj_0', projectName: '?', name: '?' },
    ({ sku }) => (sku.startsWith('gpu.') ? 'gpu-hour' : sku === 'cpu' ? 'vcpu-hour' : 'gib-hour'),
  )
  const taxes = taxed(tax, draft.net, payments.promo)
  const totals = totalsOf(draft, taxes)
  const taxPaid = nanos(totals.tax - 1_500_000_000n)
  return {
    ...totals,
    id: asId('invoice', 'inv_made'),
    organization: asId('organization', 'org_01k9a7mz3t8x4q6v2w5y9c0b1d'),
    state: 'finalised',
    number: 'INV-000042',
    from: parseInstant('2026-10-31T16:00:00.000Z'),
    to: parseInstant('2026-11-30T16:00:00.000Z'),
    currency: 'USD',
    timeZone: 'Asia/Shanghai',
    seller: {
      legalName: 'Example Compute GmbH',
      address: 'Lindenstraße 1\n10969 Berlin\nGermany',
      taxId: 'DE123456789',
      bank: 'Musterbank Berlin\nIBAN DE02 1203 0000 0000 2020 51\nBIC BYLADEM1001',
      contact: 'billing@example.com',
      terms: 'Payable within 14 days, by top-up or transfer.',
    },
    buyer: {
      legalName: '深圳市示例科技有限公司 (Łódź Branch)',
      address: '深圳市南山区科技园一路 1 号\n518057 深圳\nChina',
      taxId: '91440300MA5EXAMPLE',
      reference: 'PO-2026/117',
    },
    billSha256: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
    problem: null,
    closedAt: parseInstant('2026-11-30T17:00:03.120Z'),
    lines: draft.lines,
    taxes,
    funding: fundingOf(
      payments,
      { prepaid: taxPaid, promo: nanos(0n), due: nanos(1_500_000_000n) },
      totals.total,
    ),
    credits: [
      {
        code: 'payment',
        about: 'pay_1',
        at: parseInstant('2026-11-03T08:12:00.000Z'),
        amount: nanos(500_000_000_000n),
        explanation: null,
      },
      {
        code: 'rebate',
        about: 'reb_1',
        at: parseInstant('2026-11-30T16:00:00.000Z'),
        amount: nanos(12_345_000_000n),
        explanation: 'gpu.h100: 10 % from the 100th GPU-hour of the month',
      },
    ],
  }
}
