import assert from 'node:assert/strict'
import { after, afterEach, before, beforeEach, describe, test } from 'node:test'
import { sql } from 'kysely'
import { Webhook } from 'standardwebhooks'
import { SimulatedClock } from '../kernel/clock.ts'
import { asId, type Id, type OrganizationId, seededIds } from '../kernel/ids.ts'
import { hourMs, instant, minuteMs, secondMs } from '../kernel/time.ts'
import * as deliveries from '../notices/deliveries.ts'
import { emit, noticesOf } from '../notices/notices.ts'
import type { NoticeType } from '../notices/rules.ts'
import { changeWebhook, createWebhook, rotateSecret, webhook } from '../notices/webhooks.ts'
import { clockOf } from '../store/clock.ts'
import { openStore, type Store } from '../store/store.ts'
import { type TestDatabase, testDatabase } from '../store/testing.ts'
import { addPerson, createOrganization } from '../tenancy/tenancy.ts'
import { makeOutbox } from './outbox.ts'
import { openReceiver, type Receiver } from './testing.receiver.ts'
import { makeWebhookSender } from './webhook_sender.ts'

// The loop on a real database, sending to real sockets; time moves when it is told to.

const never = new AbortController().signal
const policy = { networks: ['127.0.0.0/8'] }
// Signatures are judged by the receiver's clock: the simulated one stands where the real one does.
const start = instant(Date.now())

let database: TestDatabase
let store: Store
let clock: SimulatedClock
let organization: OrganizationId
let receiver: Receiver
let ids = seededIds('outbox', () => start)

before(async () => {
  database = await testDatabase()
})
after(() => database.drop())

let runs = 0
beforeEach(async () => {
  runs += 1
  clock = new SimulatedClock(start)
  ids = seededIds(`outbox ${runs}`, () => clock.now())
  store = openStore({ url: database.url, clock: clockOf(clock), ids })
  receiver = await openReceiver()
  organization = ids.make('organization')
  await store.transact(async (tx) => {
    await sql`truncate notice, webhook, webhook_secret cascade`.execute(tx.db)
    const email = `owner-${runs}@example.com`
    const owner = await addPerson(tx, { email, name: 'Owner', isOperator: false, identityUser: null })
    await createOrganization(tx, { id: organization, name: 'Us', currency: 'USD', timeZone: 'UTC' }, owner.id)
  })
})
afterEach(async () => {
  await receiver.close()
  await store.close()
})

async function addWebhook(
  types: readonly NoticeType[] = [],
  port = receiver.port,
): Promise<{ id: Id<'webhook'>; secret: string }> {
  const id = ids.make('webhook')
  const { secret } = await store.transact(async (tx) => {
    const owner = await sql<{ person: string }>`select person from member
      where organization = ${organization}`.execute(tx.db)
    const createdBy = asId('person', owner.rows[0]?.person ?? '')
    const url = `http://127.0.0.1:${port}/${id}`
    return createWebhook(tx, { id, organization, url, name: 'mine', types, createdBy }, policy)
  })
  assert.ok(secret)
  return { id, secret }
}

async function tell(reason: string, type: 'payment.failed' | 'payment.received' = 'payment.failed') {
  const data = { payment: 'pay_1', currency: 'USD', amountNanos: 1n, reason } as const
  const { reason: _, ...paid } = data
  await store.transact(async (tx) => {
    if (type === 'payment.failed') await emit(tx, { organization, type, subject: 'pay_1', data })
    else await emit(tx, { organization, type, subject: 'pay_1', data: paid })
  })
}

/** A controller of its own each time: what it remembers is gone with it. */
async function pass(): Promise<Readonly<Record<string, number>>> {
  const send = makeWebhookSender({ policy, clock, version: '0' })
  const parts = { store, send, sendMail: null, console: '', clock, installation: 'plt_1', nudge: () => {} }
  const onTrouble = (_: string, __: string, error: unknown): void => assert.fail(String(error))
  return makeOutbox({ ...parts, onTrouble, inBackground: false }).pass(never)
}

async function states(id: Id<'webhook'>): Promise<readonly (readonly [string, number])[]> {
  const asked = { state: null, before: null, limit: 100 }
  const rows = await store.read((tx) => deliveries.deliveriesOf(tx, id, asked))
  return rows.map(({ state, attempts }) => [state, attempts] as const)
}

describe('a notice', () => {
  test('arrives at every webhook that wants it, signed for each', async () => {
    const [all, some, others] = [
      await addWebhook(),
      await addWebhook(['payment.failed']),
      await addWebhook(['invoice.finalized']),
    ]
    await tell('declined')
    await pass()
    assert.deepEqual(
      receiver.got.map(({ path }) => path).toSorted(),
      [`/${all.id}`, `/${some.id}`].toSorted(),
    )
    for (const { path, headers, body } of receiver.got) {
      const { secret } = path === `/${all.id}` ? all : some
      // The library takes headers as a plain object of strings.
      const event = new Webhook(secret).verify(body, headers as Record<string, string>)
      assert.ok(typeof event === 'object' && event !== null && 'id' in event)
      assert.equal(event.id, headers['webhook-id'])
    }
    assert.deepEqual(await states(others.id), [])
  })

  test('is sent once where it was taken, however often the loop passes', async () => {
    const { id } = await addWebhook()
    await tell('declined')
    for (let passes = 0; passes < 3; passes += 1) await pass()
    assert.equal(receiver.got.length, 1)
    assert.deepEqual(await states(id), [['delivered', 1]])
  })

  test('is not sent to whom was made later, nor to another organization', async () => {
    const { id } = await addWebhook()
    const ours = organization
    organization = ids.make('organization')
    await store.transact(async (tx) => {
      const email = `other-${runs}@example.com`
      const owner = await addPerson(tx, { email, name: 'Other', isOperator: false, identityUser: null })
      await createOrganization(
        tx,
        { id: organization, name: 'They', currency: 'USD', timeZone: 'UTC' },
        owner.id,
      )
    })
    await tell('theirs')
    organization = ours
    await pass()
    assert.deepEqual(await states(id), [])
    await tell('ours, before the second webhook')
    await pass()
    const second = await addWebhook()
    await pass()
    assert.deepEqual(await states(second.id), [])
  })
})

describe('a receiver that fails', () => {
  test('is asked again, later and later, with the same bytes, and once it works no more', async () => {
    const { id } = await addWebhook()
    await tell('declined')
    receiver.answer = (response) => response.writeHead(503).end('not now')
    await pass()
    await pass()
    assert.deepEqual(await states(id), [['waiting', 1]], 'the second attempt has a pause before it')
    for (const ms of [6 * secondMs, 6 * minuteMs]) {
      await clock.advance(ms)
      await pass()
    }
    assert.deepEqual(await states(id), [['waiting', 3]])
    receiver.answer = (response) => response.writeHead(200).end()
    await clock.advance(hourMs)
    await pass()
    assert.deepEqual(await states(id), [['delivered', 4]])
    const [first, ...rest] = receiver.got
    assert.ok(first && rest.length === 3)
    for (const again of rest) {
      assert.equal(again.body, first.body)
      assert.equal(again.headers['webhook-id'], first.headers['webhook-id'])
      assert.notEqual(again.headers['webhook-timestamp'], first.headers['webhook-timestamp'])
    }
    const [row] = await store.read((tx) =>
      deliveries.deliveriesOf(tx, id, { state: null, before: null, limit: 1 }),
    )
    assert.ok(row)
    const attempts = await store.read((tx) => deliveries.attemptsOf(tx, row.id))
    assert.deepEqual(
      attempts.map(({ status, excerpt }) => [status, excerpt]),
      [
        [503, 'not now'],
        [503, 'not now'],
        [503, 'not now'],
        [200, null],
      ],
    )
  })

  test('for three days: the delivery is given up; for five: the webhook, and that is told', async () => {
    const { id } = await addWebhook(['payment.failed', 'webhook.disabled'])
    const other = await addWebhook(['webhook.disabled'], (await closedPort()) ?? 1)
    receiver.answer = (response) => response.writeHead(500).end()
    await tell('first')
    // 76 hours of pauses, a tenth of it for chance, and up to an hour after each until somebody looks.
    for (let hours = 0; hours < 96; hours += 1) {
      await pass()
      await clock.advance(hourMs)
    }
    assert.deepEqual(await states(id), [['failed', 10]])
    assert.equal((await store.read((tx) => webhook(tx, id)))?.disabledAt, null)
    await clock.advance(40 * hourMs)
    await tell('second')
    await pass()
    const row = await store.read((tx) => webhook(tx, id))
    assert.equal(row?.disabledWhy, 'failing')
    const asked = { types: ['webhook.disabled'] as const, before: null, limit: 10 }
    const told = await store.read((tx) => noticesOf(tx, organization, asked))
    assert.deepEqual(
      told.map(({ subject, data }) => [subject, data['why']]),
      [[id, 'failing']],
    )
    await pass()
    assert.deepEqual(await states(other.id), [['waiting', 1]], 'the other webhook is told')
    const attempts = receiver.got.length
    await tell('third')
    await clock.advance(hourMs)
    await pass()
    assert.equal(receiver.got.length, attempts, 'nothing is sent to it any more')
  })

  test('that says 410 is not asked again', async () => {
    const { id } = await addWebhook()
    receiver.answer = (response) => response.writeHead(410).end()
    await tell('declined')
    await pass()
    assert.deepEqual(await states(id), [['failed', 1]])
    assert.equal((await store.read((tx) => webhook(tx, id)))?.disabledWhy, 'gone')
  })

  test('and is enabled again gets what waited, and patience', async () => {
    const { id } = await addWebhook()
    receiver.answer = (response) => response.writeHead(500).end()
    await tell('declined')
    await pass()
    await store.transact((tx) => changeWebhook(tx, id, { enabled: false }, policy))
    await clock.advance(hourMs)
    await pass()
    assert.equal(receiver.got.length, 1)
    receiver.answer = (response) => response.writeHead(200).end()
    await store.transact((tx) => changeWebhook(tx, id, { enabled: true }, policy))
    await pass()
    assert.deepEqual(await states(id), [['delivered', 2]])
  })

  test('holds up nobody else', async () => {
    await addWebhook()
    const quick = await openReceiver()
    try {
      await addWebhook([], quick.port)
      const held: (() => void)[] = []
      receiver.answer = (response) => held.push(() => response.writeHead(200).end())
      for (let count = 0; count < 20; count += 1) await tell(`notice ${count}`)
      const send = makeWebhookSender({ policy, clock, version: '0' })
      const also = { sendMail: null, console: '', nudge: () => {}, inBackground: true }
      const parts = { store, send, clock, installation: 'plt_1', ...also }
      const outbox = makeOutbox({ ...parts, onTrouble: (_, __, error) => assert.fail(String(error)) })
      for (let passes = 0; quick.got.length < 20; passes += 1) {
        assert.ok(passes < 500, `${quick.got.length} arrived`)
        await outbox.pass(never)
        await new Promise((resolve) => setImmediate(resolve))
      }
      assert.ok(receiver.got.length <= 4, 'and is itself not asked for more than four answers at once')
      for (let waits = 0; held.length > 0 || receiver.got.length < 20; waits += 1) {
        assert.ok(waits < 2000)
        held.shift()?.()
        await outbox.pass(never)
      }
    } finally {
      await quick.close()
    }
  })
})

async function closedPort(): Promise<number> {
  const gone = await openReceiver()
  await gone.close()
  return gone.port
}

describe('again', () => {
  test('one delivery, under the same id', async () => {
    const { id } = await addWebhook()
    await tell('declined')
    await pass()
    const asked = { state: null, before: null, limit: 1 }
    const [row] = await store.read((tx) => deliveries.deliveriesOf(tx, id, asked))
    assert.ok(row)
    await store.transact((tx) => deliveries.replayDelivery(tx, row.id))
    await pass()
    assert.deepEqual(await states(id), [['delivered', 2]])
    const [first, second] = receiver.got
    assert.equal(first?.headers['webhook-id'], second?.headers['webhook-id'])
    assert.equal(first?.body, second?.body)
  })

  test('everything since an instant, of its types, also from before it was there', async () => {
    await tell('long ago')
    await clock.advance(hourMs)
    const since = clock.now()
    await tell('not of its types', 'payment.received')
    await tell('one')
    await pass()
    const { id } = await addWebhook(['payment.failed'])
    await tell('two')
    await pass()
    assert.equal(receiver.got.length, 1)
    assert.equal(await store.transact((tx) => deliveries.replaySince(tx, id, since)), 2)
    await pass()
    const reasons = receiver.got.map(({ body }): string => JSON.parse(body).data.reason)
    assert.deepEqual(reasons.toSorted(), ['one', 'two', 'two'])
  })

  test('with a new secret: for a day both sign', async () => {
    const { id, secret } = await addWebhook()
    const rotated = await store.transact((tx) => rotateSecret(tx, id))
    // Signed anew by the receiver's library, and found among the signatures that were sent.
    const verifiesNext = async (reason: string): Promise<readonly boolean[]> => {
      await tell(reason)
      await pass()
      const { headers = {}, body = '' } = receiver.got.at(-1) ?? {}
      const at = new Date(Number(headers['webhook-timestamp']) * 1000)
      return [secret, rotated.secret].map((one) => {
        const expected = new Webhook(one).sign(String(headers['webhook-id']), at, body)
        return String(headers['webhook-signature']).split(' ').includes(expected)
      })
    }
    assert.deepEqual(await verifiesNext('at once'), [true, true])
    await clock.advance(25 * hourMs)
    assert.deepEqual(await verifiesNext('the next day'), [false, true])
  })

  test('a test goes to the one webhook only', async () => {
    const [mine, other] = [await addWebhook(), await addWebhook()]
    await store.transact((tx) => deliveries.testWebhook(tx, mine.id))
    await pass()
    assert.deepEqual(await states(mine.id), [['delivered', 1]])
    assert.deepEqual(await states(other.id), [])
    assert.equal(JSON.parse(receiver.got[0]?.body ?? '').type, 'gpuhour.webhook.tested')
  })
})

test('after ninety days a notice is forgotten, with its deliveries', async () => {
  const { id } = await addWebhook()
  await tell('declined')
  await pass()
  await clock.advance(89 * 24 * hourMs)
  await pass()
  assert.equal((await states(id)).length, 1)
  await clock.advance(2 * 24 * hourMs)
  await pass()
  assert.deepEqual(await states(id), [])
})
