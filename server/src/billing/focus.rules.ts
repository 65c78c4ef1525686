import type { ResourceId } from '../journal/rules.ts'
import { type Currency, formatAmount, type Nanos, nanos } from '../kernel/money.ts'
import { formatInstant, type Instant, instant, later, secondMs } from '../kernel/time.ts'
import type { Stretch } from '../metering/rules.ts'
import { amountOf, type Rate, type Unit } from '../pricing/rules.ts'
import type { Row } from './exports.rules.ts'
import type { Funding, InvoiceId } from './invoices.rules.ts'
import type { TaxLine } from './tax.rules.ts'

/*
 * FOCUS, the FinOps Open Cost and Usage Specification: Cost and Usage rows of version 1.0, 1.2 and 1.4. Which
 * columns a version has, and where they are null, is the specification's; how our words map to them is said
 * in docs/decisions/0014. A row tells what a billing period's charges come to once everything that was
 * learned before its end is known: so negative quantities are corrections of earlier periods, nothing else.
 */

/** The versions that can be written. */
export const focusVersions = ['1.0', '1.2', '1.4'] as const
/** One of them. */
export type FocusVersion = (typeof focusVersions)[number]

const inAll = [
  ...['AvailabilityZone', 'BilledCost', 'BillingAccountId', 'BillingAccountName', 'BillingCurrency'],
  ...['BillingPeriodEnd', 'BillingPeriodStart', 'ChargeCategory', 'ChargeClass', 'ChargeDescription'],
  ...['ChargeFrequency', 'ChargePeriodEnd', 'ChargePeriodStart', 'ConsumedQuantity', 'ConsumedUnit'],
  ...['ContractedCost', 'ContractedUnitPrice', 'EffectiveCost', 'InvoiceIssuerName', 'ListCost'],
  ...['ListUnitPrice', 'PricingCategory', 'PricingQuantity', 'PricingUnit', 'RegionId', 'RegionName'],
  ...['ResourceId', 'ResourceName', 'ResourceType', 'ServiceCategory', 'ServiceName', 'SkuId'],
  ...['SkuPriceId', 'SubAccountId', 'SubAccountName', 'Tags'],
]
const commitments = ['Category', 'Id', 'Name', 'Status', 'Type'].map((part) => `CommitmentDiscount${part}`)
const providers = ['ProviderName', 'PublisherName']
const since12 = ['InvoiceId', 'ServiceSubcategory', 'SkuMeter', 'SkuPriceDetails']
const since14 = ['HostProviderName', 'InvoiceDetailId', 'ServiceProviderName']

/**
 * What the FinOps foundation's focus-validator 1.0.0 asks of a 1.0 file beside the specification's columns:
 * five that it knows by the names of earlier drafts.
 */
const ofValidator = ['ChargeType', 'InvoiceIssuer', 'Provider', 'Publisher', 'ResourceID']

/** Ours, by which a row is found again in the open bill. */
const custom = ['x_PriceBookId', 'x_UnitMillis', 'x_UsageResourceId']

/**
 * The columns of each version, in the specification's order, then ours. Columns whose condition nothing of
 * ours meets (commitments, reservations, other currencies, split costs) are left out where that is allowed.
 */
export const focusColumns: Readonly<Record<FocusVersion, readonly string[]>> = {
  '1.0': [...[...inAll, ...commitments, ...providers].toSorted(), ...ofValidator, ...custom],
  '1.2': [...[...inAll, ...providers, ...since12].toSorted(), ...custom],
  '1.4': [...[...inAll, ...since12, ...since14].toSorted(), ...custom],
}

/** `YYYY-MM-DDTHH:MM:SSZ`, the only form of a date and time. */
function secondText(at: number): string {
  return `${formatInstant(instant(at)).slice(0, 19)}Z`
}

const startText = (at: Instant): string => secondText(Math.floor(at / secondMs) * secondMs)
/** An end is exclusive: what began within a second reaches to its end. */
const endText = (at: Instant): string => secondText(Math.ceil(at / secondMs) * secondMs)

/** A decimal with so many places, cut. */
function decimalText(numerator: bigint, denominator: bigint, places: number): string {
  const sign = numerator < 0n ? '-' : ''
  const scaled = ((numerator < 0n ? -numerator : numerator) * 10n ** BigInt(places)) / denominator
  const [whole, fraction] = [scaled / 10n ** BigInt(places), scaled % 10n ** BigInt(places)]
  const digits = fraction.toString().padStart(places, '0').replace(/0+$/, '')
  return `${sign}${whole}.${digits || '0'}`
}

/** The specification's units of measure for our units. */
const unitWords: Readonly<Record<Unit, string>> = {
  'gpu-hour': 'GPU',
  'vcpu-hour': 'vCPU',
  'gib-hour': 'GiB',
}

/** What something is in the specification's words. */
interface Service {
  readonly ServiceCategory: string
  readonly ServiceSubcategory: string
  readonly ServiceName: string
  readonly ResourceType: string
}

function serviceOf(resource: string, subject: string): Service {
  const compute = { ServiceCategory: 'Compute', ServiceSubcategory: 'Containers' }
  const storage = { ServiceCategory: 'Storage' }
  if (resource.startsWith('snp_'))
    return {
      ...storage,
      ServiceSubcategory: 'Backup Storage',
      ServiceName: 'Snapshots',
      ResourceType: 'Snapshot',
    }
  if (resource.startsWith('vol_'))
    return { ...storage, ServiceSubcategory: 'File Storage', ServiceName: 'Volumes', ResourceType: 'Volume' }
  return subject.startsWith('run_')
    ? { ...compute, ServiceName: 'Runs', ResourceType: 'Run' }
    : { ...compute, ServiceName: 'Instances', ResourceType: 'Instance' }
}

/** What a SKU measures, and what one unit of it is; facts of a SKU that hold for each of its prices. */
function skuCells(sku: string, unit: Unit): Row {
  const meters: Readonly<Record<Unit, string>> = {
    'gpu-hour': 'GPU Time',
    'vcpu-hour': 'vCPU Time',
    'gib-hour': sku === 'memory' ? 'Memory Time' : 'Storage Time',
  }
  const details: Readonly<Record<Unit, object | null>> = {
    'gpu-hour': { GpuCount: 1, x_GpuModel: sku.replace(/^gpu\./, '') },
    'vcpu-hour': { CoreCount: 1 },
    'gib-hour': sku === 'memory' ? { MemorySize: 1 } : { DiskSpace: 1 },
  }
  return { SkuMeter: meters[unit], SkuPriceDetails: details[unit] }
}

/** Who bills whom, and where. */
export interface FocusParties {
  readonly organization: { readonly id: string; readonly name: string }
  readonly currency: Currency
  /** Who runs the platform and its machines, and issues its invoices. */
  readonly provider: string
  /** Where the machines stand. */
  readonly region: string
}

/** A billing period: what it is called by, and the boundaries that it was settled at. */
export interface FocusPeriod {
  readonly start: Instant
  readonly end: Instant
  readonly from: Instant
  readonly to: Instant
  /** Null until there is one with a number. */
  readonly invoice: { readonly id: InvoiceId; readonly number: string; readonly issuer: string } | null
}

/** What is the same in every row of a period. */
function periodCells(parties: FocusParties, { start, end, invoice }: FocusPeriod): Row {
  const { organization, currency, provider } = parties
  const issuer = invoice?.issuer ?? provider
  return {
    BillingAccountId: organization.id,
    BillingAccountName: organization.name,
    BillingCurrency: currency,
    BillingPeriodStart: startText(start),
    BillingPeriodEnd: endText(end),
    InvoiceId: invoice?.number ?? null,
    ...{ InvoiceIssuerName: issuer, InvoiceIssuer: issuer },
    ...{ ProviderName: provider, Provider: provider, PublisherName: provider, Publisher: provider },
    ...{ HostProviderName: provider, ServiceProviderName: provider },
  }
}

/** A change of paid time in a period: a stretch that was added to, or taken from, what was known before. */
export interface Change extends Stretch {
  readonly isTaken: boolean
  readonly unitMillis: bigint
  /** By the rate that was agreed, and by the list; negative where it was taken. */
  readonly amount: Nanos
  readonly listAmount: Nanos
}

/** What a row of usage is about. */
export interface Consumer {
  readonly resource: ResourceId
  readonly subject: string
  readonly name: string
  readonly project: string
  readonly projectName: string
  readonly flavor: string | null
  /** The node that it ran on; null for storage. */
  readonly node: string | null
}

/** The rates of a stretch: agreed with the organization, and of everybody. */
export interface Rates {
  readonly agreed: Rate
  readonly list: Nanos
}

function quantityCells({ unitMillis, isTaken }: Change, unit: Unit): Row {
  const signed = isTaken ? -unitMillis : unitMillis
  return {
    ConsumedQuantity: decimalText(signed, 1000n, 3),
    ConsumedUnit: `${unitWords[unit]}-Seconds`,
    PricingQuantity: decimalText(signed, 3_600_000n, 18),
    PricingUnit: `${unitWords[unit]}-Hours`,
  }
}

/** A row of usage, or of usage that is taken back. */
export function usageRow(
  parties: FocusParties,
  period: FocusPeriod,
  consumer: Consumer,
  change: Change,
  { agreed, list }: Rates,
): Row {
  const { resource, subject, name, project, projectName, flavor, node } = consumer
  const { sku, priceBook, quantity, from, to, isTaken, amount, listAmount } = change
  const cost = formatAmount(amount)
  const what = `${quantity} × ${sku}, ${name}`
  return {
    ...periodCells(parties, period),
    ...serviceOf(resource, subject),
    ...skuCells(sku, agreed.unit),
    ...quantityCells(change, agreed.unit),
    ...{ AvailabilityZone: node, RegionId: parties.region, RegionName: parties.region },
    ...{ BilledCost: cost, ContractedCost: cost, EffectiveCost: cost, ListCost: formatAmount(listAmount) },
    ...{ ContractedUnitPrice: formatAmount(agreed.nanos), ListUnitPrice: formatAmount(list) },
    ChargeCategory: 'Usage',
    ChargeType: 'Usage',
    ChargeClass: isTaken ? 'Correction' : null,
    ChargeDescription: isTaken ? `taken back: ${what}` : what,
    ChargeFrequency: 'Usage-Based',
    ChargePeriodStart: startText(from),
    ChargePeriodEnd: endText(to),
    PricingCategory: 'Standard',
    ...{ ResourceId: subject, ResourceID: subject, ResourceName: name },
    ...{ SkuId: sku, SkuPriceId: `${priceBook}/${sku}` },
    ...{ SubAccountId: project, SubAccountName: projectName },
    Tags: flavor === null ? null : { 'gpuhour/flavor': flavor },
    ...{ x_PriceBookId: priceBook, x_UsageResourceId: resource },
    x_UnitMillis: isTaken ? -change.unitMillis : change.unitMillis,
  }
}

/** What an invoice adds to its charges. */
export interface Invoiced {
  /** The charges, to the nano. */
  readonly exact: Nanos
  readonly taxes: readonly TaxLine[]
  readonly funding: readonly Funding[]
}

/** What an invoice asks for: all of it that the customer paid or owes. */
export function payableOf({ funding }: Pick<Invoiced, 'funding'>): Nanos {
  const parts = funding.filter(({ source }) => source === 'prepaid' || source === 'due')
  return nanos(parts.reduce((sum, { amount }) => sum + amount, 0n))
}

/** A row that is about an invoice as a whole. */
function wholeRow(
  parties: FocusParties,
  period: FocusPeriod,
  category: 'Tax' | 'Credit' | 'Adjustment',
  description: string,
  amount: bigint,
): Row {
  const cost = formatAmount(amount)
  return {
    ...periodCells(parties, period),
    ...{ ServiceCategory: 'Other', ServiceSubcategory: 'Other (Other)', ServiceName: 'Billing' },
    ...{ BilledCost: cost, ContractedCost: cost, EffectiveCost: cost, ListCost: cost },
    ...{ ChargeCategory: category, ChargeType: category, ChargeDescription: description },
    ChargeFrequency: 'One-Time',
    ChargePeriodStart: startText(period.start),
    ChargePeriodEnd: endText(period.end),
  }
}

/**
 * Tax, what promotional credit paid and what was ours to bear, and what rounding to minor units changed: with
 * these the billed costs of an invoice add up to what it asks for.
 */
export function invoiceRows(parties: FocusParties, period: FocusPeriod, invoiced: Invoiced): readonly Row[] {
  const { exact, taxes, funding } = invoiced
  const paidBy = (source: Funding['source']): bigint =>
    funding.find((part) => part.source === source)?.exact ?? 0n
  const row = (...rest: readonly ['Tax' | 'Credit' | 'Adjustment', string, bigint]): Row =>
    wholeRow(parties, period, ...rest)
  const [promo, absorbed] = [paidBy('promo'), paidBy('absorbed')]
  const tax = taxes.reduce((sum, { amount }) => sum + amount, 0n)
  const rounding = payableOf(invoiced) - (exact + tax - promo - absorbed)
  return [
    ...taxes.map(({ name, basisPoints, amount }) =>
      row('Tax', `${name} ${decimalText(BigInt(basisPoints), 100n, 2)} %`, amount),
    ),
    ...(promo === 0n ? [] : [row('Credit', 'paid by promotional credit', -promo)]),
    ...(absorbed === 0n ? [] : [row('Credit', 'time that no money was held for: not charged', -absorbed)]),
    ...(rounding === 0n ? [] : [row('Adjustment', 'rounded to minor units', rounding)]),
  ]
}

/** Names a running sum of a resource. */
export function sumNameOf({ sku, priceBook }: Pick<Stretch, 'sku' | 'priceBook'>): string {
  return `${sku} ${priceBook}`
}

interface Step extends Stretch {
  readonly isTaken: boolean
}

/** What became known between two instants, of one running sum: first what was taken, then what was added. */
function stepsOf(before: readonly Stretch[], after: readonly Stretch[]): readonly Step[] {
  const edges = [...new Set([...before, ...after].flatMap(({ from, to }) => [from, to]))]
  edges.sort((a, b) => a - b)
  const steps: Step[] = []
  const places = { before: 0, after: 0 }
  for (const [index, from] of edges.entries()) {
    const to = edges[index + 1]
    const template = after[0] ?? before[0]
    if (to === undefined || !template) break
    while ((before[places.before]?.to ?? to) <= from) places.before += 1
    while ((after[places.after]?.to ?? to) <= from) places.after += 1
    const change = quantityAt(after[places.after], from) - quantityAt(before[places.before], from)
    const last = steps.at(-1)
    const step = { ...template, quantity: Math.abs(change), from, to, isTaken: change < 0 }
    if (change === 0) continue
    // What was only cut at an edge of the other list stays one.
    if (last && last.to === from && last.quantity === step.quantity && last.isTaken === step.isTaken)
      steps[steps.length - 1] = { ...last, to }
    else steps.push(step)
  }
  return [...steps.filter(({ isTaken }) => isTaken), ...steps.filter(({ isTaken }) => !isTaken)]
}

function quantityAt(stretch: Stretch | undefined, at: Instant): number {
  return stretch && stretch.from <= at && at < stretch.to ? stretch.quantity : 0
}

/**
 * What a period changed of a resource's paid time, and what each change cost: steps of its running sums, so
 * that they add up to the period's charges, to the nano. `cut` parts a stretch at the grain of the rows.
 */
export function changesOf(
  before: readonly Stretch[],
  after: readonly Stretch[],
  ratesIn: (stretch: Stretch) => Rates,
  cut: (stretch: Stretch, isTaken: boolean) => readonly Stretch[],
): readonly Change[] {
  const [earlierSums, laterSums] = [Map.groupBy(before, sumNameOf), Map.groupBy(after, sumNameOf)]
  const names = new Set([...earlierSums.keys(), ...laterSums.keys()])
  return [...names].flatMap((name) => {
    const known = earlierSums.get(name) ?? []
    let unitMillis = known.reduce((sum, stretch) => sum + unitMillisOf(stretch), 0n)
    return stepsOf(known, laterSums.get(name) ?? []).flatMap(({ isTaken, ...step }) =>
      cut(step, isTaken).map((piece): Change => {
        const { agreed, list } = ratesIn(piece)
        const size = unitMillisOf(piece)
        const next = isTaken ? unitMillis - size : unitMillis + size
        const costBy = (rate: Nanos): Nanos => nanos(amountOf(rate, next) - amountOf(rate, unitMillis))
        const change = { isTaken, unitMillis: size, amount: costBy(agreed.nanos), listAmount: costBy(list) }
        unitMillis = next
        return { ...piece, ...change }
      }),
    )
  })
}

function unitMillisOf({ quantity, from, to }: Stretch): bigint {
  return BigInt(quantity) * BigInt(later(to, from) - from)
}
