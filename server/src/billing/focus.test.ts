import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { after as afterAll, before, describe, it, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { csvHeader, csvLines } from '../api/lists.rules.ts'
import type { PriceBookId } from '../kernel/ids.ts'
import { nanos, parseAmount } from '../kernel/money.ts'
import { hourMs, type Instant, instant, parseInstant } from '../kernel/time.ts'
import { publish } from '../pricing/pricing.ts'
import type { Reader } from './exports.ts'
import type { Row } from './exports.rules.ts'
import { type FocusExtent, focusExtentOf, focusReader } from './focus.ts'
import { focusColumns, focusVersions } from './focus.rules.ts'
import { closeNow } from './invoices.ts'
import { setSeller, setTaxRule } from './parties.ts'
import { buy, us } from './testing.invoices.ts'
import { Stage } from './testing.ts'

// Three days around the end of a month in India, whose midnight is at half past an hour of UTC.

const timeZone = 'Asia/Kolkata'
const monthEnd = parseInstant('2026-10-31T18:30:00.000Z')
const gpu = [
  { sku: 'gpu.v100', quantity: 2 },
  { sku: 'cpu', quantity: 8 },
]
const rates = { 'gpu.v100': 600_000_001n, cpu: 40_000_001n, volume: 97_223n }

let stage: Stage
let start: Instant
before(async () => {
  stage = await Stage.open({ start: '2026-10-31T14:00:00.000Z', timeZone })
  start = stage.now()
  await stage.publish(rates)
  await buy(stage, 500_000_000_000n)
  await stage.createVolume(50)
  const faulty = await stage.run(gpu)
  await advance(2)
  await stage.tell(faulty, 'stop_accepted')
  await stage.run(gpu)
  const own = await publishOwn(instant(stage.now() + hourMs))
  await advance(3.2)
  stage.use(own)
  await stage.run(gpu)
  await stage.tell(faulty, 'fault', instant(start + 1.25 * hourMs))
  await advance(2)
  await stage.store.transact(async (tx) => {
    await setSeller(tx, us)
    await setTaxRule(tx, stage.organization, { name: 'GST', basisPoints: 1800, note: null })
    await closeNow(tx, { organization: stage.organization, upTo: null, by: 'per_us' })
  })
})
afterAll(() => stage.close())

/** Prices of the organization's own: half of everybody's. */
async function publishOwn(effectiveFrom: Instant): Promise<PriceBookId> {
  const own = [
    { sku: 'gpu.v100', unit: 'gpu-hour', nanos: nanos(300_000_000n) },
    { sku: 'cpu', unit: 'vcpu-hour', nanos: nanos(20_000_000n) },
  ] as const
  const { organization } = stage
  const book = await stage.store.transact((tx) =>
    publish(tx, { currency: 'USD', effectiveFrom, rates: own, organization }),
  )
  return book.id
}

/** Lets hours pass in steps that are shorter than a lease. */
async function advance(hours: number): Promise<void> {
  const until = stage.now() + hours * hourMs
  while (stage.now() < until) {
    stage.skip(Math.min(4 * 60_000, until - stage.now()))
    await stage.look()
    await stage.keep()
    await stage.meter()
  }
}

async function extentOf(from: Instant, to: Instant | null): Promise<FocusExtent> {
  const { organization } = stage
  const asker = { organization, name: '=Stage', currency: 'USD' as const, timeZone, region: 'in-1' }
  return stage.store.transact((tx) => focusExtentOf(tx, asker, { from, to }))
}

async function rowsOf(from: Instant, to: Instant | null = null): Promise<readonly Row[]> {
  const rows: Row[] = []
  for (let read: Reader | null = focusReader(await extentOf(from, to)); read;) {
    const reader: Reader = read
    const page = await stage.store.read((tx) => reader(tx))
    rows.push(...page.rows)
    read = page.next
  }
  return rows
}

/** A field that is text; '' where there is none. */
function text(row: Row, name: string): string {
  const cell = row[name]
  return typeof cell === 'string' ? cell : ''
}

function sum(rows: readonly Row[], name: string): bigint {
  return rows.reduce((total, row) => {
    const amount = parseAmount(text(row, name))
    assert.ok(amount !== null, `${name}: ${text(row, name)}`)
    return total + amount
  }, 0n)
}

const isUsage = (row: Row): boolean => row['ChargeCategory'] === 'Usage'

async function chargedBetween(from: Instant, to: Instant): Promise<bigint> {
  const { rows } = await stage.store.pool.query<{ sum: bigint }>(
    'select coalesce(sum(amount), 0) as sum from charge where up_to > $1 and up_to <= $2',
    [new Date(from), new Date(to)],
  )
  return rows[0]?.sum ?? 0n
}

describe('the rows of two months', () => {
  it('the billed cost of a billing period is what it was charged, to the nano', async () => {
    const rows = (await rowsOf(start)).filter(isUsage)
    const months = Map.groupBy(rows, (row) => text(row, 'BillingPeriodStart'))
    assert.deepEqual([...months.keys()], ['2026-09-30T18:30:00Z', '2026-10-31T18:30:00Z'])
    const [october = [], november = []] = [...months.values()]
    assert.equal(sum(october, 'BilledCost'), await chargedBetween(instant(0), monthEnd))
    assert.equal(sum(november, 'BilledCost'), await chargedBetween(monthEnd, stage.now()))
    for (const name of ['EffectiveCost', 'ContractedCost'])
      assert.equal(sum(rows, name), sum(rows, 'BilledCost'), name)
  })

  it('own prices stand beside those of everybody', async () => {
    const own = (await rowsOf(start)).filter((row) => text(row, 'ContractedUnitPrice') === '0.30')
    assert.ok(own.length > 1)
    for (const row of own) assert.equal(text(row, 'ListUnitPrice'), '0.600000001')
    assert.ok(sum(own, 'ListCost') >= 2n * sum(own, 'BilledCost'))
  })

  it('each row lies within one hour and one local day', async () => {
    const rows = (await rowsOf(start)).filter((row) => isUsage(row) && row['ChargeClass'] === null)
    const day = new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short' })
    for (const row of rows) {
      const [from, to] = [
        Date.parse(text(row, 'ChargePeriodStart')),
        Date.parse(text(row, 'ChargePeriodEnd')),
      ]
      assert.ok(from < to)
      assert.equal(Math.floor(from / hourMs), Math.floor((to - 1) / hourMs), 'one hour')
      assert.equal(day.format(from), day.format(to - 1), 'one local day')
    }
    const ends = new Set(rows.map((row) => text(row, 'ChargePeriodEnd')))
    assert.ok(ends.has('2026-10-31T18:30:00Z'), 'cut at the local midnight')
  })

  it('what was learned after a month is a correction in the next one, of the time taken back', async () => {
    const corrections = (await rowsOf(start)).filter(({ ChargeClass }) => ChargeClass === 'Correction')
    const shown = corrections.map((row) =>
      ['SkuId', 'BillingPeriodStart', 'ChargePeriodStart', 'ChargePeriodEnd', 'ConsumedQuantity'].map(
        (name) => text(row, name),
      ),
    )
    const [from, to] = ['2026-10-31T15:15:00Z', '2026-10-31T16:00:00Z']
    assert.deepEqual(shown, [
      ['gpu.v100', '2026-10-31T18:30:00Z', from, to, '-5400.0'],
      ['cpu', '2026-10-31T18:30:00Z', from, to, '-21600.0'],
    ])
    assert.ok(corrections.every((row) => (parseAmount(text(row, 'BilledCost')) ?? 0n) < 0n))
  })

  it('a file of a month that is over says the same whenever it is asked for', async () => {
    const early = (await rowsOf(start)).filter((row) => text(row, 'BillingPeriodStart') < '2026-10')
    assert.deepEqual(await rowsOf(start, monthEnd), early)
    assert.deepEqual(await rowsOf(instant(start + 2 * hourMs), monthEnd), early, 'whole periods only')
  })

  it('what differs from the charges is not written', async () => {
    const { pool } = stage.store
    await pool.query('alter table charge disable trigger charge_append_only')
    const change = (sign: '+' | '-') =>
      pool.query(`update charge set amount = amount ${sign} 1 where id = (select min(id) from charge)`)
    await change('+')
    await assert.rejects(rowsOf(start), /tells what was charged/)
    await change('-')
    await pool.query('alter table charge enable trigger charge_append_only')
    await rowsOf(start)
  })
})

type NullRule = (row: Row) => 'null' | 'value' | 'either'

const isUse = (row: Row): boolean => row['ChargeCategory'] === 'Usage' || row['ChargeCategory'] === 'Purchase'
const never: NullRule = () => 'value'
const optional: NullRule = () => 'either'
/** Of prices and quantities: needed for what is used or bought, none for tax, as one likes in corrections. */
const priced: NullRule = (row) =>
  row['ChargeCategory'] === 'Tax' ? 'null' : isUse(row) && row['ChargeClass'] === null ? 'value' : 'either'
const consumed: NullRule = (row) =>
  row['ChargeCategory'] !== 'Usage' ? 'null' : row['ChargeClass'] === null ? 'value' : 'either'

// The null rules of the specification (versions 1.0 to 1.4 agree); a column not named here may not be null.
const nullRules: Readonly<Record<string, NullRule>> = {
  ...Object.fromEntries(
    ['PricingQuantity', 'PricingUnit', 'ListUnitPrice', 'ContractedUnitPrice', 'PricingCategory']
      .concat(['SkuId', 'SkuPriceId', 'SkuMeter'])
      .map((name) => [name, priced]),
  ),
  ...{ ConsumedQuantity: consumed, ConsumedUnit: consumed },
  ...Object.fromEntries(
    ['AvailabilityZone', 'BillingAccountName', 'ChargeClass', 'ChargeDescription', 'InvoiceId', 'RegionId']
      .concat(['InvoiceDetailId', 'RegionName', 'ResourceId', 'ResourceID', 'ResourceName', 'ResourceType'])
      .concat(['SkuPriceDetails', 'SubAccountId', 'SubAccountName', 'Tags', 'x_PriceBookId', 'x_UnitMillis'])
      .concat(['x_UsageResourceId', 'ChargeType'])
      .map((name) => [name, optional]),
  ),
  ...Object.fromEntries(
    ['Category', 'Id', 'Name', 'Status', 'Type'].map((part) => [`CommitmentDiscount${part}`, () => 'null']),
  ),
}

const forms: Readonly<Record<string, RegExp>> = {
  ...Object.fromEntries(
    ['BilledCost', 'EffectiveCost', 'ListCost', 'ContractedCost', 'ListUnitPrice', 'ContractedUnitPrice']
      .concat(['PricingQuantity', 'ConsumedQuantity'])
      .map((name) => [name, /^-?\d+\.\d+$/]),
  ),
  ...Object.fromEntries(
    ['BillingPeriodStart', 'BillingPeriodEnd', 'ChargePeriodStart', 'ChargePeriodEnd'].map((name) => [
      name,
      /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/,
    ]),
  ),
  BillingCurrency: /^[A-Z]{3}$/,
  ChargeCategory: /^(?:Usage|Purchase|Tax|Credit|Adjustment)$/,
  ChargeClass: /^Correction$/,
  ChargeFrequency: /^(?:One-Time|Recurring|Usage-Based)$/,
  PricingCategory: /^(?:Standard|Dynamic|Committed|Other)$/,
  ServiceCategory: /^(?:Compute|Storage|Other)$/,
  ServiceSubcategory: /^(?:Containers|File Storage|Backup Storage|Other \(Other\))$/,
  PricingUnit: /^(?:GPU|vCPU|GiB)-Hours$/,
  ConsumedUnit: /^(?:GPU|vCPU|GiB)-Seconds$/,
}

describe('the specification’s rules', () => {
  for (const version of focusVersions)
    it(`${version}: every cell is there, or null, or of the form, as its column demands`, async () => {
      const rows = await rowsOf(start)
      const categories = new Set(rows.map((row) => text(row, 'ChargeCategory')))
      assert.deepEqual([...categories], ['Usage', 'Tax', 'Adjustment'])
      for (const row of rows)
        for (const column of focusColumns[version]) {
          const cell = row[column] ?? null
          const rule = (nullRules[column] ?? never)(row)
          if (rule !== 'either')
            assert.equal(cell === null, rule === 'null', `${column} in ${JSON.stringify(cell)}`)
          assert.notEqual(cell, '', column)
          const form = forms[column]
          if (cell !== null && form) assert.match(text(row, column), form, column)
        }
    })

  it('a quantity times its price is its cost, to the second that the formula cuts', async () => {
    for (const row of await rowsOf(start)) {
      if (!isUsage(row) || row['ChargeClass'] !== null) continue
      const quantity = Number(text(row, 'PricingQuantity'))
      const price = Number(text(row, 'ContractedUnitPrice'))
      const apart = Math.abs(quantity * price - Number(text(row, 'ContractedCost')))
      assert.ok(apart <= price / 3600 + 2e-9, `${quantity} × ${price}`)
    }
  })
})

/** The foundation's own validator in an environment of its own, made once for each list of its packages. */
function validator(t: TestContext): string | null {
  const lock = fileURLToPath(new URL('focus.requirements.txt', import.meta.url))
  const digest = createHash('sha256').update(readFileSync(lock)).digest('hex').slice(0, 16)
  const cache = join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'gpuhour')
  const home = join(cache, `focus-validator-${digest}`)
  if (existsSync(home)) return home
  mkdirSync(cache, { recursive: true })
  const draft = mkdtempSync(join(cache, 'focus-validator-'))
  const run = (program: string, ...args: string[]): boolean =>
    spawnSync(program, args, { stdio: 'ignore' }).status === 0
  const pip = ['-m', 'pip', 'install', '--quiet', '--prefer-binary', '--require-hashes', '-r', lock]
  const isMade = run('python3', '-m', 'venv', draft) && run(join(draft, 'bin/python'), ...pip)
  // Another test run may have made it meanwhile.
  if (isMade && !existsSync(home)) renameSync(draft, home)
  else rmSync(draft, { recursive: true })
  if (isMade) return home
  t.skip('focus-validator could not be installed: no python3 with venv, or no package index')
  return null
}

/** What it says of a file. It looks for its list of currencies below the folder that it is run in. */
function validated(home: string, file: string): string {
  const python = join(home, 'bin/python')
  const where = 'import sysconfig; print(sysconfig.get_paths()["purelib"])'
  const cwd = spawnSync(python, ['-c', where], { encoding: 'utf8' }).stdout.trim()
  const program = join(home, 'bin/focus-validator')
  const args = [program, '--validate-version', '1.0', '--data-file', file]
  const ran = spawnSync(python, args, { cwd, encoding: 'utf8' })
  return `${ran.stdout}${ran.stderr}`
}

it('the foundation’s focus-validator accepts the 1.0 file, and sees faults in another', async (t) => {
  const home = validator(t)
  if (home === null) return
  const folder = mkdtempSync(join(tmpdir(), 'gpuhour-focus-'))
  try {
    const columns = focusColumns['1.0']
    const rows = await rowsOf(start)
    const file = join(folder, 'focus.csv')
    writeFileSync(file, csvHeader(columns) + csvLines(columns, rows))
    assert.match(validated(home, file), /Validation succeeded/)
    const wrong = rows.map((row) => ({ ...row, ServiceCategory: 'Rockets', BilledCost: null }))
    writeFileSync(file, csvHeader(columns) + csvLines(columns, wrong))
    const report = validated(home, file)
    assert.match(report, /ServiceCategory_Enum failed/)
    assert.match(report, /BilledCost_NotNull failed/)
    assert.match(report, /Validation failed/)
  } finally {
    rmSync(folder, { recursive: true })
  }
})
