import { z } from 'zod'
import {
  askedInstant,
  count,
  currency,
  id,
  instant,
  label,
  lineOf,
  nanos,
  newId,
  pageQuery,
} from './values.ts'

/** Several lines for people, as they stand on an address: any script, no control or direction characters. */
const lines = z
  .string()
  .max(600, { error: 'must be at most 600 characters' })
  .regex(/^(?:[^\p{Cc}\p{Cs}\u200e\u200f\u202a-\u202e\u2066-\u2069]|\n)*$/u, {
    error: 'must be lines of text without control characters',
  })

const legalName = lineOf(160)
const optionalLines = lines.nullable().default(null)
const optionalLabel = label.nullable().default(null)

/** Who issues invoices, as it stands on them. */
export const newSeller = z.strictObject({
  legalName,
  address: lines.min(1, { error: 'must not be empty' }),
  taxId: optionalLabel,
  bank: optionalLines.describe('Where what is due can be paid: lines of text.'),
  contact: optionalLines,
  terms: optionalLines.describe('When what is due is to be paid.'),
})
export const seller = z.strictObject({
  legalName: z.string(),
  address: z.string(),
  taxId: z.string().nullable(),
  bank: z.string().nullable(),
  contact: z.string().nullable(),
  terms: z.string().nullable(),
})
export type Seller = z.infer<typeof seller>

/** Who issues invoices; null: nobody said yet, and none is finalised before. */
export const sellerReply = z.strictObject({ seller: seller.nullable() })

/** Who an organization's invoices are made out to. */
export const newBuyer = z.strictObject({
  legalName,
  address: lines.default(''),
  taxId: optionalLabel,
  reference: optionalLabel.describe('What you want to find on your invoices: an order number.'),
})
export const buyer = z.strictObject({
  legalName: z.string(),
  address: z.string(),
  taxId: z.string().nullable(),
  reference: z.string().nullable(),
})
export type Buyer = z.infer<typeof buyer>

/** A fixed rate of tax. */
export const taxRule = z.strictObject({
  name: lineOf(40).describe('As it stands on the invoice: "VAT".'),
  basisPoints: z
    .int()
    .min(0, { error: 'must not be negative' })
    .max(10_000, { error: 'must be at most 10000' })
    .describe('Hundredths of a percent: 1900 is 19 %.'),
  note: lineOf(200).nullable().default(null).describe('The law, or why there is none to pay.'),
})

/** What an organization's next invoices bear. */
export const billingDetails = z.strictObject({
  organization: id,
  buyer: buyer.describe('What was set; until then the organization’s name.'),
  tax: z
    .strictObject({ name: z.string(), basisPoints: z.int(), note: z.string().nullable() })
    .nullable()
    .describe('Set by an operator; null: none.'),
})
export type BillingDetails = z.infer<typeof billingDetails>
export const newTax = z.strictObject({ tax: taxRule.nullable() })

/** A paper as issued: a file that never changes. */
const paper = z.strictObject({
  name: z.enum(['en.pdf', 'zh.pdf', 'bill.json']),
  sha256: z.string(),
  sizeBytes: z.int(),
})

/** What a credit note gives back, before tax. */
const creditNoteLine = z.strictObject({
  line: z.int().nullable().describe('Of the invoice; null: the invoice as a whole.'),
  amountNanos: nanos,
})

/** What an operator gave back of an invoice. */
export const creditNote = z.strictObject({
  id,
  number: z.string(),
  organization: id,
  invoice: id,
  invoiceNumber: z.string(),
  currency,
  reason: z.string(),
  lines: z.array(creditNoteLine),
  netNanos: nanos,
  taxNanos: nanos,
  totalNanos: nanos.describe('What went back to the balance.'),
  issuedAt: instant,
  papers: z.array(paper),
})
export type CreditNote = z.infer<typeof creditNote>

const wholeCents = z
  .string()
  .regex(/^[1-9][0-9]{0,17}$/, { error: 'must be a positive whole number of nano-units' })
  .regex(/0000000$/, { error: 'must be whole hundredths of the currency: a multiple of 10000000' })

export const newCreditNote = z.strictObject({
  id: newId('creditNote'),
  reason: lines.min(1, { error: 'must not be empty' }),
  lines: z
    .array(
      z.strictObject({
        line: z.int().min(1).nullable().default(null).describe('Default: the invoice as a whole.'),
        amountNanos: wholeCents.describe('Before tax; the invoice’s tax is given back in proportion.'),
      }),
    )
    .min(1, { error: 'must name at least one amount' })
    .max(200),
})

const invoiceFields = {
  id,
  organization: id,
  number: z.string().nullable().describe('Null in a draft.'),
  state: z.enum(['draft', 'finalised']),
  from: instant,
  to: instant,
  timeZone: z.string(),
  currency,
  netNanos: nanos.describe('Whole hundredths, as all amounts here but the exact ones.'),
  taxNanos: nanos,
  totalNanos: nanos,
  dueNanos: nanos.describe('Of the total, what was not paid from the balance when it was finalised.'),
  creditedNanos: nanos.describe('What credit notes gave back since, tax included.'),
  closedAt: instant.nullable().describe('When it was finalised.'),
  problem: z
    .enum(['seller_missing', 'lines_do_not_add_up', 'ledger_differs'])
    .nullable()
    .describe('What keeps a draft from being finalised; for operators.'),
}

/** An invoice in a list. */
export const invoiceSummary = z.strictObject(invoiceFields)
export type InvoiceSummary = z.infer<typeof invoiceSummary>

const invoiceLine = z.strictObject({
  position: z.int(),
  project: id,
  projectName: z.string(),
  kind: z.enum(['instance', 'run', 'volume', 'snapshot']),
  resource: id.nullable(),
  name: z.string().nullable(),
  reason: z.string().nullable().describe('Of what is given back: why.'),
  sku: z.string(),
  unit: z.enum(['gpu-hour', 'vcpu-hour', 'gib-hour']),
  priceBook: id,
  nanosPerUnitHour: nanos,
  unitMillis: count,
  exactNanos: nanos,
  amountNanos: nanos,
})

/** An invoice, whole. */
export const invoice = z.strictObject({
  ...invoiceFields,
  seller: seller.nullable(),
  buyer: buyer.nullable(),
  exactNanos: nanos.describe('The charges, to the nano; the difference from the net was rounded away, once.'),
  billSha256: z.string().describe('SHA-256 of the open bill of the period, which is among the papers.'),
  lines: z.array(invoiceLine),
  taxes: z.array(
    z.strictObject({
      name: z.string(),
      basisPoints: z.int(),
      note: z.string().nullable(),
      baseNanos: nanos.describe('The net, less what promotional credit paid.'),
      amountNanos: nanos,
    }),
  ),
  funding: z.array(
    z.strictObject({
      source: z.enum(['promo', 'prepaid', 'absorbed', 'due']),
      exactNanos: nanos,
      amountNanos: nanos,
    }),
  ),
  credits: z.array(
    z.strictObject({
      code: z.string(),
      at: instant,
      amountNanos: nanos,
      explanation: z.string().nullable(),
    }),
  ),
  papers: z.array(paper).describe('Written within a minute of its finalisation.'),
  creditNotes: z.array(creditNote),
})
export type Invoice = z.infer<typeof invoice>

export const invoicesQuery = z.strictObject(pageQuery)

export const closeBooks = z.strictObject({
  upTo: askedInstant
    .optional()
    .describe('The start of a local day that is over; default: this month’s start.'),
})

/** Periods that were closed now. */
export const closedBooks = z.strictObject({
  periods: z.array(
    z.strictObject({
      from: instant,
      to: instant,
      invoice: id.nullable().describe('Null: nothing was charged.'),
    }),
  ),
})

/** The media types of a paper. */
export const paperMediaTypes = ['application/pdf', 'application/json'] as const
