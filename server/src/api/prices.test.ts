import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { auditOf } from '../tenancy/tenancy.ts'
import { openCli } from './testing.cli.ts'
import { freshId, testApi } from './testing.ts'

const api = await testApi()
const cli = await openCli(api)
after(async () => {
  await cli.close()
  await api.close()
})

const { organization } = api.demo
const member = await api.person('member')
const stranger = await api.withoutMoney()

const table = join(cli.home, 'rates.json')

/** The present table with some rates in it changed or left out. */
async function edit(change: (rates: { sku: string; perHour: string }[]) => unknown): Promise<void> {
  const { out } = await cli.gpuhour('prices', 'show', '--as-file')
  const file: { rates: { sku: string; unit: string; perHour: string }[] } = JSON.parse(out)
  change(file.rates)
  await writeFile(table, JSON.stringify(file))
}

function rateOf<T extends { sku: string }>(rates: readonly T[], sku: string): T {
  const found = rates.find((rate) => rate.sku === sku)
  assert.ok(found, sku)
  return found
}

test('a book is shown, edited, tried and published from the command line', async () => {
  await edit((rates) => {
    rateOf(rates, 'gpu.h100').perHour = '3.49'
    rates.splice(
      rates.findIndex(({ sku }) => sku === 'gpu.p4'),
      1,
    )
  })
  const publish = ['prices', 'publish', table, '--from', '2999-01-01']
  const tried = await cli.gpuhour(...publish, '--dry-run')
  assert.equal(tried.code, 0, tried.err)
  assert.equal(
    tried.out,
    'gpu.h100\tgpu-hour\t$2.990000\t$3.490000\t+16.7 %\ngpu.p4\tgpu-hour\t$0.150000\t–\tgone\n',
  )
  assert.match(tried.err, /^warning: gpu\.p4 is in the book before/m)
  assert.match(tried.err, /Nothing was published/)
  const listed = async () => (await cli.gpuhour('prices')).out.trim().split('\n')
  assert.equal((await listed()).length, 1)

  const published = await cli.gpuhour(...publish, '--json')
  assert.equal(published.code, 0, published.err)
  const { id }: { id: string } = JSON.parse(published.out)
  const [coming = '', present = ''] = await listed()
  assert.match(coming, new RegExp(`^${id}\teverybody\tUSD\t2999-01-01T00:00:00.000Z\t–\tto come\t`))
  const [old = ''] = present.split('\t')
  assert.equal((await cli.gpuhour('prices', 'diff', old, id)).out, tried.out)
  const trail = await api.store.read((tx) => auditOf(tx, id))
  assert.deepEqual(
    trail.map(({ action }) => action),
    ['price_book.publish'],
  )

  const again = await cli.gpuhour(...publish)
  assert.equal(again.code, 7, 'another book of the same instant')
  const late = await cli.gpuhour('prices', 'publish', table, '--from', '2020-01-01')
  assert.equal(late.code, 2)
  assert.match(late.err, /^error: A price book can only take effect in the future[^\n]*\n$/)
})

test('own prices are for one organization to see, and end when it is said', async () => {
  await edit((rates) => (rateOf(rates, 'cpu').perHour = '0.03'))
  const owner = ['--organization', organization]
  const published = await cli.gpuhour('prices', 'publish', table, '--from', '2999-01-01', ...owner, '--json')
  assert.equal(published.code, 0, published.err)
  const { id, state }: { id: string; state: string } = JSON.parse(published.out)
  assert.equal(state, 'to_come')

  const ids = async (secret: string, of: string) =>
    (await api.client(secret).listPriceBooks({ params: { organization: of } })).items.map((one) => one.id)
  assert.ok((await ids(member.secret, organization)).includes(id))
  const poor = (await api.client(stranger.secret).getMe()).organizations[0]?.id ?? ''
  assert.ok(!(await ids(stranger.secret, poor)).includes(id))
  await assert.rejects(api.client(stranger.secret).getPriceBook({ params: { priceBook: id } }), {
    code: 'not_found',
  })
  assert.equal((await member.client.getPriceBook({ params: { priceBook: id } })).id, id)

  const ended = await cli.gpuhour('prices', 'end', id, '--at', '2999-06-01')
  assert.equal(ended.code, 0, ended.err)
  assert.match((await cli.gpuhour('prices')).out, new RegExp(`^${id}\t.*\t2999-06-01T00:00:00.000Z\t`, 'm'))
})

test('a book that is sent twice is published once; another under its id is refused', async () => {
  const body = {
    id: freshId('priceBook'),
    currency: 'EUR' as const,
    effectiveFrom: '2999-01-01T00:00:00Z',
    rates: [{ sku: 'cpu', unit: 'vcpu-hour' as const, nanos: '1' }],
  }
  const made = await api.operator.publishPriceBook({ body })
  assert.deepEqual(await api.operator.publishPriceBook({ body }), made)
  const other = { ...body, rates: [{ sku: 'cpu', unit: 'vcpu-hour' as const, nanos: '2' }] }
  await assert.rejects(api.operator.publishPriceBook({ body: other }), { code: 'conflict' })
  const { items } = await api.operator.listAllPriceBooks({ query: { currency: 'EUR' } })
  assert.deepEqual(
    items.map(({ id }) => id),
    [made.id],
  )
})

test('a table that is wrong is refused by the place that is wrong', async () => {
  const cases: readonly (readonly [unknown, RegExp])[] = [
    ['{', /is not JSON/],
    [{ currency: 'USD' }, /"rates"/],
    [{ currency: 'GBP', rates: [] }, /"currency"/],
    [{ currency: 'USD', rates: [], discount: 5 }, /"discount"/],
    [{ currency: 'USD', rates: [{ sku: 'cpu', unit: 'hour', perHour: '1' }] }, /rates\/0 \(cpu\).*"unit"/],
    [{ currency: 'USD', rates: [{ sku: 'cpu', unit: 'vcpu-hour', perHour: '-1' }] }, /rates\/0.*"perHour"/],
    [{ currency: 'USD', rates: [{ sku: 'cpu', unit: 'vcpu-hour', perHour: '1e2' }] }, /rates\/0.*"perHour"/],
    [
      { currency: 'USD', rates: [{ sku: 'cpu', unit: 'gib-hour', perHour: '1' }] },
      /cpu is priced per vcpu-hour/,
    ],
  ]
  for (const [text, message] of cases) {
    await writeFile(table, typeof text === 'string' ? text : JSON.stringify(text))
    const ran = await cli.gpuhour('prices', 'publish', table, '--from', '2999-01-01', '--dry-run')
    assert.equal(ran.code, 2, ran.err)
    assert.match(ran.err, message)
  }
})

test('publishing is for an operator', async () => {
  await edit(() => null)
  const ran = await cli.start(['prices', 'publish', table, '--from', '2999-02-01'], member.secret).ended
  assert.equal(ran.code, 3, ran.err)
})
