import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { makeId } from '@gpuhour/sdk/client'
import { sha256Hex } from '../kernel/ids.ts'
import * as tenancy from '../tenancy/tenancy.ts'
import { keyFor, testApi } from './testing.ts'
import { withInvoice } from './testing.invoices.ts'

const api = await testApi()
after(() => api.close())

const organization = await withInvoice(api)
const params = { organization }

/** Somebody of the invoiced organization. */
async function member(role: 'billing' | 'viewer' | 'member') {
  const secret = await api.store.transact(async (tx) => {
    const email = `${role}@example.com`
    const person = await tenancy.addPerson(tx, { email, name: role, isOperator: false, identityUser: null })
    await tenancy.addMember(tx, organization, person.id, role)
    return keyFor(tx, person, organization, ['read', 'billing', 'manage'])
  })
  return api.client(secret)
}
const billing = await member('billing')
const viewer = await member('viewer')
const colleague = await member('member')

async function bytesOf(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = []
  for await (const chunk of chunks) parts.push(chunk)
  return Buffer.concat(parts)
}

test('who pays finds the invoice by its number, and its papers as they were issued', async () => {
  const { items } = await billing.listInvoices({ params })
  assert.deepEqual(
    items.map(({ number, state, totalNanos, dueNanos }) => [number, state, totalNanos, dueNanos]),
    [['INV-000001', 'finalised', '3890000000', '0']],
  )
  const invoice = await billing.getInvoice({ params: { invoice: 'INV-000001' } })
  assert.equal(invoice.id, items[0]?.id)
  assert.deepEqual(
    invoice.lines.map(({ kind, sku, exactNanos, amountNanos }) => [kind, sku, exactNanos, amountNanos]),
    [['volume', 'volume', '3888880000', '3890000000']],
  )
  assert.equal(invoice.papers.length, 3)
  for (const { name, sha256, sizeBytes } of invoice.papers) {
    const file = await billing.getInvoicePaper({ params: { invoice: 'INV-000001', paper: name } })
    assert.equal(file.fileName, `gpuhour-INV-000001.${name}`)
    const bytes = await bytesOf(file.chunks)
    assert.deepEqual([sha256Hex(bytes), bytes.length], [sha256, sizeBytes])
  }
  const none = billing.getInvoicePaper({ params: { invoice: 'INV-000001', paper: 'fr.pdf' } })
  await assert.rejects(none, { code: 'not_found' })
})

test('a statement names the invoice that covers its period', async () => {
  const query = { from: '2026-09-10T00:00:00Z', to: '2026-09-11T00:00:00Z' }
  const { invoices } = await billing.getStatement({ params, query })
  assert.deepEqual(
    invoices.map(({ number }) => number),
    ['INV-000001'],
  )
  const later = await billing.getStatement({ params })
  assert.deepEqual(later.invoices, [])
})

test('who may not see money sees no invoice; who may not spend changes no details', async () => {
  await assert.rejects(viewer.getInvoice({ params: { invoice: 'INV-000001' } }), { code: 'forbidden' })
  await assert.rejects(viewer.listInvoices({ params }), { code: 'forbidden' })
  const body = { legalName: 'Acme Ltd', address: '1 High St\nLondon', taxId: 'GB123', reference: 'PO 7' }
  await assert.rejects(colleague.setBillingDetails({ params, body }), { code: 'forbidden' })
  const { buyer } = await billing.setBillingDetails({ params, body })
  assert.deepEqual(buyer, body)
  const { buyer: frozen } = await billing.getInvoice({ params: { invoice: 'INV-000001' } })
  assert.equal(frozen?.legalName, 'Invoiced')
  await assert.rejects(billing.setTax({ params, body: { tax: null } }), { code: 'forbidden' })
  await assert.rejects(billing.closeBooks({ params, body: {} }), { code: 'forbidden' })
})

test('more is not given back than is left, and the refusal says what is', async () => {
  const give = (amountNanos: string, line: number | null = null) =>
    api.operator.createCreditNote({
      params: { invoice: 'INV-000001' },
      body: { id: makeId('creditNote'), reason: 'slow disks', lines: [{ line, amountNanos }] },
    })
  const note = await give('1000000000', 1)
  assert.deepEqual([note.number, note.totalNanos], ['CRN-000001', '1000000000'])
  await assert.rejects(give('2900000000'), { code: 'conflict', message: /^Only 2\.89 USD of the invoice/ })
  await assert.rejects(give('10000000', 9), { code: 'invalid_request', message: /no line 9/ })
  await assert.rejects(
    billing.createCreditNote({
      params: { invoice: 'INV-000001' },
      body: { id: makeId('creditNote'), reason: 'please', lines: [{ amountNanos: '10000000' }] },
    }),
    { code: 'forbidden' },
  )
  const invoice = await billing.getInvoice({ params: { invoice: 'INV-000001' } })
  assert.deepEqual([invoice.totalNanos, invoice.creditedNanos], ['3890000000', '1000000000'])
})

test('bytes that are no longer those that were issued are not sent', async () => {
  await writeFile(join(api.dataDir, 'objects/invoices', organization, 'INV-000001.en.pdf'), 'other bytes')
  const file = billing.getInvoicePaper({ params: { invoice: 'INV-000001', paper: 'en.pdf' } })
  await assert.rejects(file, { code: 'internal' })
})
