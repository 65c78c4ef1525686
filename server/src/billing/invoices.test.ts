import assert from 'node:assert/strict'
import { after as afterAll, before, describe } from 'node:test'
import { formatAmount } from '../kernel/money.ts'
import { formatInstant, hourMs, instant, parseInstant } from '../kernel/time.ts'
import { type TestDatabase, testDatabase } from '../store/testing.ts'
import { closeNow, graceMs } from './invoices.ts'
import { buy, fundingShown, linesShown, shown, stop, story, until, us } from './testing.invoices.ts'
import { setBuyer, setSeller, setTaxRule } from './parties.ts'

// Months that are closed on a real database, told as stories. v100 is 3.60 an hour: a second costs a tenth of
// a cent.

const v100 = [{ sku: 'gpu.v100', quantity: 1 }]
const dollar = 1_000_000_000n

let keptOpen: TestDatabase
before(async () => {
  keptOpen = await testDatabase()
})
afterAll(() => keptOpen.drop())

const lateNovember = { start: '2026-11-30T22:00:00.000Z' }

describe('the end of a month', () => {
  story('an hour after it, what ran and was stored is invoiced', lateNovember, async (told) => {
    const { stage, invoiceIt, invoices } = told
    await buy(stage, 100n * dollar)
    await stage.createVolume(10)
    const machine = await stage.run(v100)
    await until(stage, '2026-11-30T23:00:00.500Z')
    await stop(stage, machine)
    await until(stage, '2026-12-01T00:59:59.000Z')
    assert.equal((await invoiceIt())['closed'], 0)
    stage.skip(1000)
    assert.equal((await invoiceIt())['closed'], 1)
    const [november, ...others] = await invoices()
    assert.deepEqual(others, [])
    assert.equal(
      shown(november),
      'INV-000001 2026-11-01T00:00:00.000Z – 2026-12-01T00:00:00.000Z: 3.60 + 0.00 = 3.60',
    )
    assert.deepEqual(linesShown(november), [
      'stage instance gpu.v100 3600500 3.60',
      'stage volume volume 72000000 0.00',
    ])
    assert.equal(november?.exact, 3_601_944_440n)
    assert.deepEqual(fundingShown(november), ['prepaid 3.60194444 ~ 3.60'])
    assert.deepEqual([november?.seller, november?.buyer?.legalName], [us, 'Stage'])
    const bill = await stage.verified(parseInstant('2026-11-01T00:00:00.000Z'), november?.to)
    assert.equal(bill.total, String(november?.exact))
    assert.equal((await invoiceIt())['closed'], 0)
    assert.equal((await invoices()).length, 1)
  })

  story(
    'a month in which nothing was charged makes none, and the next one goes on',
    lateNovember,
    async (told) => {
      const { stage, invoiceIt, invoices } = told
      await buy(stage, 100n * dollar)
      const machine = await stage.run(v100)
      stage.skip(36_000)
      await stage.look()
      await stop(stage, machine)
      stage.skip(62 * 24 * hourMs)
      const again = await stage.run(v100)
      stage.skip(36_000)
      await stage.look()
      await stop(stage, again)
      stage.skip(30 * 24 * hourMs)
      assert.equal((await invoiceIt())['closed'], 4)
      assert.deepEqual((await invoices()).map(shown), [
        'INV-000001 2026-11-01T00:00:00.000Z – 2026-12-01T00:00:00.000Z: 0.04 + 0.00 = 0.04',
        'INV-000002 2027-01-01T00:00:00.000Z – 2027-02-01T00:00:00.000Z: 0.04 + 0.00 = 0.04',
      ])
    },
  )

  const zones = `
    zone                | month begins             | ends
    Asia/Shanghai       | 2026-10-31T16:00:00.000Z | 2026-11-30T16:00:00.000Z
    Europe/Berlin       | 2026-09-30T22:00:00.000Z | 2026-10-31T23:00:00.000Z
    America/New_York    | 2026-03-01T05:00:00.000Z | 2026-04-01T04:00:00.000Z
    Australia/Lord_Howe | 2026-03-31T13:00:00.000Z | 2026-04-30T13:30:00.000Z`
  for (const row of zones.trim().split('\n').slice(1)) {
    const [timeZone = '', from = '', to = ''] = row.split('|').map((cell) => cell.trim())
    const start = formatInstant(instant(parseInstant(to) - hourMs))
    story(`is that of ${timeZone}: ${to}`, { timeZone, start }, async (told) => {
      const { stage, invoiceIt, invoices } = told
      await buy(stage, 100n * dollar)
      await stage.createVolume(1)
      stage.skip(parseInstant(to) + graceMs - 1 - stage.now())
      assert.equal((await invoiceIt())['closed'], 0)
      stage.skip(1)
      assert.equal((await invoiceIt())['closed'], 1)
      const [month] = await invoices()
      assert.ok(month)
      assert.deepEqual([month.from, month.to].map(formatInstant), [from, to])
      assert.deepEqual(
        month.lines.map(({ unitMillis }) => unitMillis),
        [BigInt(hourMs)],
      )
    })
  }

  story('waits for a machine that fell silent, and ends where that is known', lateNovember, async (told) => {
    const { stage, invoiceIt, invoices } = told
    await buy(stage, 100n * dollar)
    const machine = await stage.run(v100)
    await until(stage, '2026-11-30T23:58:00.000Z')
    stage.silence(machine)
    const lastSeen = stage.now()
    stage.skip(2 * hourMs)
    await assert.rejects(invoiceIt(), { code: 'unavailable' })
    assert.deepEqual(await invoices(), [])
    await stage.tell(machine, 'contact_lost', lastSeen)
    stage.skip(1000)
    assert.equal((await invoiceIt())['closed'], 1)
    const [month] = await invoices()
    assert.equal(
      shown(month),
      'INV-000001 2026-11-01T00:00:00.000Z – 2026-12-01T01:58:00.001Z: 7.08 + 0.00 = 7.08',
    )
  })
})

describe('what is learned later', () => {
  story('is given back in the next month, with its reason; no invoice moves', lateNovember, async (told) => {
    const { stage, invoiceIt, invoices } = told
    await buy(stage, 100n * dollar)
    const machine = await stage.run(v100)
    await until(stage, '2026-12-01T01:00:00.000Z')
    await invoiceIt()
    const [before] = await invoices()
    assert.equal(formatAmount(before?.total ?? 0n), '7.20')
    await until(stage, '2026-12-01T02:00:00.000Z')
    await stage.tell(machine, 'fault', parseInstant('2026-11-30T23:00:00.000Z'))
    await stage.meter()
    stage.skip(31 * 24 * hourMs)
    await invoiceIt()
    const [november, december] = await invoices()
    assert.deepEqual(november, before)
    assert.equal(
      shown(december),
      'INV-000002 2026-12-01T00:00:00.000Z – 2027-01-01T00:00:00.000Z: -3.60 + 0.00 = -3.60',
    )
    const why = 'fault since 2026-11-30T23:00:00.000Z: XID 79'
    assert.deepEqual(linesShown(december), [
      'stage instance gpu.v100 7200000 7.20',
      `stage instance gpu.v100 -10800000 -10.80 ${machine.subject} ${why}`,
    ])
    assert.deepEqual(fundingShown(december), ['prepaid -3.60 ~ -3.60'])
  })
})

describe('tax', () => {
  const vat = { name: 'VAT', basisPoints: 1900, note: null }

  story('is taken from the wallet, and what that lacks is owed', lateNovember, async (told) => {
    const { stage, invoiceIt, invoices } = told
    await stage.store.transact((tx) => setTaxRule(tx, stage.organization, vat))
    await buy(stage, 4n * dollar)
    const machine = await stage.run(v100)
    await until(stage, '2026-11-30T23:00:00.000Z')
    await stop(stage, machine)
    await until(stage, '2026-12-01T01:00:00.000Z')
    await invoiceIt()
    const [november] = await invoices()
    assert.equal(
      shown(november),
      'INV-000001 2026-11-01T00:00:00.000Z – 2026-12-01T00:00:00.000Z: 3.60 + 0.68 = 4.28',
    )
    assert.deepEqual(november?.taxes, [{ ...vat, base: 3_600_000_000n, amount: 680_000_000n }])
    assert.deepEqual(fundingShown(november), ['prepaid 4.00 ~ 4.00', 'due 0.28 ~ 0.28'])
    const { posted, receivable } = await stage.balance()
    assert.deepEqual([posted, receivable], [0n, 280_000_000n])
    await buy(stage, dollar)
    assert.deepEqual((await stage.balance()).receivable, 0n)
  })

  story('is given back with what is given back', lateNovember, async (told) => {
    const { stage, invoiceIt, invoices } = told
    await stage.store.transact((tx) => setTaxRule(tx, stage.organization, vat))
    await buy(stage, 100n * dollar)
    const machine = await stage.run(v100)
    await until(stage, '2026-12-01T01:00:00.000Z')
    await invoiceIt()
    await stage.tell(machine, 'fault', parseInstant('2026-11-30T22:00:00.000Z'))
    await stage.meter()
    stage.skip(31 * 24 * hourMs)
    await invoiceIt()
    assert.deepEqual(
      (await invoices()).map(({ net, tax }) => `${formatAmount(net)} + ${formatAmount(tax)}`),
      ['7.20 + 1.37', '-7.20 + -1.37'],
    )
    assert.equal((await stage.balance()).posted, 100n * dollar)
  })

  story('of another rate and reason stands on the next invoice only', lateNovember, async (told) => {
    const { stage, invoiceIt, invoices } = told
    const { store, organization } = stage
    await store.transact((tx) => setTaxRule(tx, organization, vat))
    await buy(stage, 100n * dollar)
    await stage.createVolume(1000)
    await until(stage, '2026-12-01T01:00:00.000Z')
    await invoiceIt()
    const [before] = await invoices()
    const reverse = { name: 'VAT', basisPoints: 0, note: 'Reverse charge' }
    const acme = { legalName: 'Acme Sp. z o.o.', address: 'Łódź', taxId: 'PL1234567890', reference: 'PO 7' }
    await store.transact(async (tx) => {
      await setTaxRule(tx, organization, reverse)
      await setBuyer(tx, organization, acme)
      await setSeller(tx, { ...us, legalName: 'Example Compute SE' })
    })
    stage.skip(24 * hourMs)
    const upTo = parseInstant('2026-12-02T00:00:00.000Z')
    await store.transact((tx) => closeNow(tx, { organization, by: 'per_us', upTo }))
    const [november, december] = await invoices()
    assert.deepEqual(november, before)
    assert.deepEqual([december?.buyer, december?.seller?.legalName], [acme, 'Example Compute SE'])
    assert.deepEqual(
      december?.taxes.map(({ note, amount }) => [note, amount]),
      [['Reverse charge', 0n]],
    )
  })
})

describe('how it was paid', () => {
  story('storage that the wallet could not pay is due, until it is paid', lateNovember, async (told) => {
    const { stage, invoiceIt, invoices } = told
    // 0.97222 an hour.
    await stage.createVolume(10_000)
    await until(stage, '2026-11-30T23:00:00.000Z')
    await buy(stage, dollar)
    await until(stage, '2026-12-01T01:00:00.000Z')
    await invoiceIt()
    const [november] = await invoices()
    assert.deepEqual(fundingShown(november), ['prepaid 1.00 ~ 1.00', 'due 0.94444 ~ 0.94'])
    assert.equal(formatAmount(november?.total ?? 0n), '1.94')
  })
})

describe('promotional credit', () => {
  const vat = { name: 'VAT', basisPoints: 2000, note: null }

  story('is shown for itself, and bears no tax', lateNovember, async (told) => {
    const { stage, invoiceIt, invoices } = told
    await stage.store.transact((tx) => setTaxRule(tx, stage.organization, vat))
    await stage.grant(3n * dollar)
    await buy(stage, 100n * dollar)
    const machine = await stage.run(v100)
    await until(stage, '2026-12-01T00:00:00.000Z')
    await stop(stage, machine)
    await until(stage, '2026-12-01T01:00:00.000Z')
    await invoiceIt()
    const [november] = await invoices()
    assert.deepEqual(
      november?.taxes.map(({ base, amount }) => [base, amount].map(formatAmount)),
      [['4.20', '0.84']],
    )
    assert.deepEqual(fundingShown(november), ['promo 3.00 ~ 3.00', 'prepaid 5.04 ~ 5.04'])
  })

  story('that pays for all of it leaves nothing to tax', lateNovember, async (told) => {
    const { stage, invoiceIt, invoices } = told
    await stage.store.transact((tx) => setTaxRule(tx, stage.organization, vat))
    await stage.grant(100n * dollar)
    await stage.createVolume(10_000)
    await until(stage, '2026-12-01T01:00:00.000Z')
    await invoiceIt()
    const [november] = await invoices()
    assert.equal(november?.tax, 0n)
    assert.deepEqual(fundingShown(november), ['promo 1.94444 ~ 1.94'])
  })
})

describe('a draft', () => {
  const anonymous = { ...lateNovember, isAnonymous: true }

  story('waits for who issues it, then gets its number', anonymous, async (told) => {
    const { stage, invoiceIt, invoices } = told
    await buy(stage, 100n * dollar)
    await stage.createVolume(1000)
    await until(stage, '2026-12-01T01:00:00.000Z')
    assert.deepEqual(await invoiceIt(), { closed: 1, finalised: 0, waiting: 0, papers: 0 })
    const [waiting] = await invoices()
    assert.deepEqual(
      [waiting?.state, waiting?.number, waiting?.problem, waiting?.lines.length],
      ['draft', null, 'seller_missing', 1],
    )
    await stage.store.transact((tx) => setSeller(tx, us))
    assert.deepEqual(await invoiceIt(), { closed: 0, finalised: 1, waiting: 0, papers: 3 })
    const [issued] = await invoices()
    assert.deepEqual([issued?.state, issued?.number, issued?.problem], ['finalised', 'INV-000001', null])
    assert.deepEqual(issued?.lines, waiting?.lines)
  })
})

describe('before its time', () => {
  story('an operator closes up to a day that is over; the rest follows', lateNovember, async (told) => {
    const { stage, invoices } = told
    const { store, organization } = stage
    await buy(stage, 100n * dollar)
    await stage.createVolume(1000)
    await until(stage, '2026-12-01T00:10:00.000Z')
    const closeUpTo = (day: string | null) => {
      const upTo = day === null ? null : parseInstant(`${day}:00:00.000Z`)
      return store.transact((tx) => closeNow(tx, { organization, by: 'per_us', upTo }))
    }
    assert.equal((await closeUpTo(null)).length, 1)
    assert.deepEqual(await closeUpTo(null), [])
    stage.skip(48 * hourMs)
    await assert.rejects(closeUpTo('2026-12-04T00'), { code: 'invalid_request' })
    await assert.rejects(closeUpTo('2026-12-02T12'), { code: 'invalid_request' })
    assert.equal((await closeUpTo('2026-12-02T00')).length, 1)
    assert.equal((await closeUpTo('2026-12-03T00')).length, 1)
    assert.deepEqual(
      (await invoices()).map(({ from, to }) => [from, to].map(formatInstant).join(' ')),
      [
        '2026-11-01T00:00:00.000Z 2026-12-01T00:00:00.000Z',
        '2026-12-01T00:00:00.000Z 2026-12-02T00:00:00.000Z',
        '2026-12-02T00:00:00.000Z 2026-12-03T00:00:00.000Z',
      ],
    )
  })
})
