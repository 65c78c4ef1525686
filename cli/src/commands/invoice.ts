import type { Download } from '@gpuhour/sdk/client'
import { makeId } from '@gpuhour/sdk/client'
import type { Invoice } from '@gpuhour/sdk/contract'
import { argument, type CommandSpec, type Given, nanosIn, textOption, UsageError } from '../command.ts'
import type { Context } from '../context.ts'
import { keep } from '../files.ts'
import { printTable, writeBytes } from '../output.ts'
import { amount, money, size } from '../shown.ts'
import { daysOf } from './invoices.ts'

/** The papers of what was issued a moment ago are still being written. */
const paperPatienceMs = 90_000

const languages = ['en', 'zh'] as const

function languageOf(given: Given): (typeof languages)[number] {
  const text = textOption(given, 'language') ?? 'en'
  const found = languages.find((one) => one === text)
  if (found) return found
  throw new UsageError(`"${text}" is no language of invoices: en or zh.`)
}

const unitNames = { 'gpu-hour': 'GPU-hours', 'vcpu-hour': 'vCPU-hours', 'gib-hour': 'GiB-hours' } as const

function useText({ unitMillis, unit }: Invoice['lines'][number]): string {
  const thousandths = BigInt(unitMillis) / 3600n
  const size = thousandths < 0n ? -thousandths : thousandths
  const sign = thousandths < 0n ? '-' : ''
  return `${sign}${size / 1000n}.${(size % 1000n).toString().padStart(3, '0')} ${unitNames[unit]}`
}

const sources = {
  promo: 'promotional credit',
  prepaid: 'prepaid balance',
  absorbed: 'borne by the platform',
  due: 'due',
} as const

function sayInvoice(context: Context, invoice: Invoice): void {
  const { currency, buyer, taxes, funding, creditNotes } = invoice
  context.print(`${invoice.number ?? 'draft'}: ${daysOf(invoice)} (${invoice.timeZone})`)
  if (buyer) context.print(`for ${buyer.legalName}`)
  const rows = invoice.lines.map((line) => [
    line.projectName,
    line.reason === null ? line.kind : `given back: ${line.name ?? ''}`,
    line.sku,
    useText(line),
    amount(line.nanosPerUnitHour, currency, 6),
    money(line.amountNanos, currency),
  ])
  printTable(context, ['PROJECT', 'WHAT', 'SKU', 'USE', 'RATE', 'AMOUNT'], rows, 'It has no lines.')
  for (const { reason } of invoice.lines) if (reason !== null) context.print(`given back: ${reason}`)
  context.print(`net ${money(invoice.netNanos, currency)}`)
  for (const { name, basisPoints, amountNanos } of taxes)
    context.print(`${name} ${basisPoints / 100} % ${money(amountNanos, currency)}`)
  context.print(`total ${money(invoice.totalNanos, currency)}`)
  for (const { source, amountNanos } of funding)
    context.print(`${sources[source]}: ${money(amountNanos, currency)}`)
  for (const { number, totalNanos, reason } of creditNotes)
    context.print(`${number} gave back ${money(totalNanos, currency)}: ${reason}`)
}

/** Writes a paper where one wants it. */
async function write(context: Context, download: Download, file: string): Promise<void> {
  if (file === '-') {
    for await (const chunk of download.chunks) await writeBytes(chunk)
    return
  }
  const bytes = await keep(download, file)
  context.say(`${file}: ${size(bytes)}`)
  if (context.isJson) context.printJson({ file, bytes })
}

const credit: CommandSpec = {
  name: 'credit',
  summary: 'give back an amount of an invoice, with its share of the tax (operator)',
  args: [
    ['<number>', 'the invoice'],
    ['<amount>', 'how much, before tax, such as 5 or 2.50'],
  ],
  options: [
    ['--reason <text>', 'why: it stands on the credit note'],
    ['--line <position>', 'of this line only; default: of the invoice as a whole'],
  ],
  examples: ['gpuhour invoice credit INV-000042 5.98 --line 7 --reason "GPU fell off the bus"'],
  async run(context, given) {
    const reason = textOption(given, 'reason')
    if (!reason) throw new UsageError('Say why: --reason.')
    const nanos = nanosIn(argument(given, 1))
    if (nanos === null || nanos <= 0n)
      throw new UsageError(`"${argument(given, 1)}" is not an amount above zero, such as 5 or 2.50.`)
    const line = textOption(given, 'line')
    const asked = { line: line === undefined ? null : Number(line), amountNanos: String(nanos) }
    const note = await context.client().createCreditNote({
      params: { invoice: argument(given, 0) },
      body: { id: makeId('creditNote'), reason, lines: [asked] },
    })
    if (context.isJson) return context.printJson(note)
    const { number, totalNanos, taxNanos, currency } = note
    const tax = taxNanos === '0' ? '' : `, ${money(taxNanos, currency)} of it tax`
    context.print(`${number}: ${money(totalNanos, currency)} is back on the balance${tax}.`)
  },
}

export const command: CommandSpec = {
  name: 'invoice',
  summary: 'one invoice; with --pdf or --bundle as the file that was issued',
  args: [['[number]', 'its number or id, or that of a credit note with --pdf']],
  options: [
    ['--pdf <file>', 'write the PDF to a file; "-" is standard output'],
    ['--language <language>', 'of the PDF: en or zh; default: en'],
    ['--bundle <file>', 'write the open bill of its period, whose digest it bears'],
  ],
  commands: [credit],
  examples: [
    'gpuhour invoice INV-000042',
    'gpuhour invoice INV-000042 --pdf november.pdf',
    'gpuhour invoice INV-000042 --bundle bill.json && gpuhour verify-bill bill.json',
  ],
  async run(context, given) {
    const name = argument(given, 0)
    if (name === '') throw new UsageError('Which invoice? See: gpuhour invoices.')
    const [pdf, bundle] = [textOption(given, 'pdf'), textOption(given, 'bundle')]
    const client = context.client(paperPatienceMs)
    if (pdf !== undefined) {
      const paper = `${languageOf(given)}.pdf`
      const download = name.startsWith('CRN-')
        ? await client.getCreditNotePaper({ params: { creditNote: name, paper } })
        : await client.getInvoicePaper({ params: { invoice: name, paper } })
      return write(context, download, pdf)
    }
    if (bundle !== undefined) {
      const params = { invoice: name, paper: 'bill.json' }
      return write(context, await client.getInvoicePaper({ params }), bundle)
    }
    const invoice = await context.client().getInvoice({ params: { invoice: name } })
    if (context.isJson) return context.printJson(invoice)
    sayInvoice(context, invoice)
  },
}
