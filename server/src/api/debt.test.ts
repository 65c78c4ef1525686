import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { makeId } from '@gpuhour/sdk/client'
import { nanos, nanosPerUnit } from '../kernel/money.ts'
import { accountsOf, applyOrThrow } from '../ledger/ledger.ts'
import { testApi } from './testing.ts'

const api = await testApi()
after(() => api.close())

const { organization, project } = api.demo
const shape = { image: 'sim/ok:1', flavor: 'cpu.1x2' }

/** Books storage that the wallet could not pay, as a settlement does. */
async function owe(units: bigint): Promise<void> {
  await api.store.transact(async (tx) => {
    const { receivable: debit, revenue: credit } = await accountsOf(tx, organization)
    const [id, bookedAt, amount] = [tx.newId('transfer'), await tx.now(), nanos(units * nanosPerUnit)]
    const booked = { id, debit, credit, amount, bookedAt, about: organization }
    await applyOrThrow(tx, [{ kind: 'post', code: 'storage', ...booked }])
  })
}

function newVolume(name: string, sizeGib = 5) {
  return { params: { project }, body: { id: makeId('volume'), name, sizeGib } }
}

test('who owes reads, deletes and repeats, and gets nothing more; money pays the debt first', async () => {
  const { operator } = api
  const [kept, spare] = [newVolume('kept'), newVolume('spare')]
  for (const one of [kept, spare]) await operator.createVolume(one)
  const params = { volume: kept.body.id }
  const { id: instance } = await operator.createInstance({
    params: { project },
    body: { id: makeId('instance'), name: 'lab', ...shape },
  })
  await operator.stopInstance({ params: { instance } })
  // Beside the ten dollars that the wallet still has.
  await owe(3n)

  const refusal = { code: 'insufficient_funds', message: /^3\.00 USD are owed/ }
  const run = { id: makeId('run'), command: ['true'], ...shape }
  const more: readonly (readonly [string, () => Promise<unknown>])[] = [
    ['a volume', () => operator.createVolume(newVolume('more'))],
    ['a larger volume', () => operator.resizeVolume({ params, body: { sizeGib: 6 } })],
    [
      'an instance',
      () =>
        operator.createInstance({
          params: { project },
          body: { id: makeId('instance'), name: 'more', ...shape },
        }),
    ],
    ['a start', () => operator.startInstance({ params: { instance } })],
    ['a run', () => operator.createRun({ params: { project }, body: run })],
  ]
  for (const [what, ask] of more) await assert.rejects(ask(), refusal, what)

  assert.equal((await operator.createVolume(kept)).id, kept.body.id)
  assert.equal((await operator.resizeVolume({ params, body: { sizeGib: 5 } })).sizeGib, 5)
  assert.equal((await operator.deleteVolume({ params: { volume: spare.body.id } })).state, 'deleting')
  const { items } = await operator.listVolumes({ params: { project } })
  assert.equal(
    items.some(({ name }) => name === 'more'),
    false,
  )

  const grant = { id: makeId('transfer'), amountNanos: String(nanosPerUnit), currency: 'USD' as const }
  await operator.createGrant({ params: { organization }, body: grant })
  assert.equal((await operator.resizeVolume({ params, body: { sizeGib: 6 } })).sizeGib, 6)
  await operator.createVolume(newVolume('more'))
})
