import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { after, afterEach, before, beforeEach, describe, test } from 'node:test'
import { sql } from 'kysely'
import { SMTPServer } from 'smtp-server'
import { SimulatedClock } from '../kernel/clock.ts'
import { type OrganizationId, seededIds } from '../kernel/ids.ts'
import { formatInstant, hourMs, instant, minuteMs, parseInstant } from '../kernel/time.ts'
import { emit } from '../notices/notices.ts'
import { clockOf } from '../store/clock.ts'
import { openStore, type Store } from '../store/store.ts'
import { type TestDatabase, testDatabase } from '../store/testing.ts'
import { addMember, addPerson, createOrganization } from '../tenancy/tenancy.ts'
import { makeMailer } from './mailer.ts'
import { makeOutbox } from './outbox.ts'

// A real SMTP server of somebody else's, a real database; the loop is a new one each time, as after a crash.

interface Taken {
  readonly to: readonly string[]
  readonly from: string
  readonly text: string
}

type Answer = (to: string) => Error | null

function fault(code: number, message: string): Error {
  return Object.assign(new Error(message), { responseCode: code })
}

class Mailboxes {
  readonly taken: Taken[] = []
  /** To a recipient, before the text. */
  recipient: Answer = () => null
  /** To the text. */
  message: Answer = () => null
  /** Instead of an answer to the text: the line breaks. */
  breaksAfterText = false
  readonly #server: SMTPServer

  constructor(
    options: { readonly user?: string; readonly password?: string; readonly offersTls?: boolean } = {},
  ) {
    this.#server = new SMTPServer({
      // The certificate that it brings along is nobody's.
      disabledCommands: [...(options.user ? [] : ['AUTH']), ...(options.offersTls ? [] : ['STARTTLS'])],
      allowInsecureAuth: true,
      onAuth: ({ username, password }, _session, done) =>
        username === options.user && password === options.password
          ? done(null, { user: username })
          : done(fault(535, 'wrong user or password')),
      onRcptTo: ({ address }, _session, done) => done(this.recipient(address)),
      onData: (stream, session, done) => {
        void text(stream).then((message) => {
          const { mailFrom, rcptTo } = session.envelope
          const to = rcptTo.map(({ address }) => address)
          if (this.breaksAfterText) {
            this.taken.push({ to, from: mailFrom ? mailFrom.address : '', text: message })
            for (const one of this.#server.connections) one.close()
            return
          }
          const refused = this.message(to[0] ?? '')
          if (!refused) this.taken.push({ to, from: mailFrom ? mailFrom.address : '', text: message })
          done(refused)
        })
      },
    })
    this.#server.on('error', () => {})
  }

  async open(): Promise<string> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server.server, 'listening')
    // A server on TCP has an address of this kind.
    return `127.0.0.1:${(this.#server.server.address() as AddressInfo).port}`
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.#server.close(() => resolve()))
  }
}

const start = parseInstant('2026-11-27T08:00:00.000Z')
const never = new AbortController().signal
let database: TestDatabase
let store: Store
let clock: SimulatedClock
let organization: OrganizationId
let boxes: Mailboxes
let host = ''
let troubles: string[] = []
let runs = 0

before(async () => {
  database = await testDatabase()
})
after(() => database.drop())

beforeEach(async () => {
  runs += 1
  clock = new SimulatedClock(start)
  const ids = seededIds(`mailer ${runs}`, () => clock.now())
  store = openStore({ url: database.url, clock: clockOf(clock), ids })
  organization = ids.make('organization')
  troubles = []
  boxes = new Mailboxes()
  host = await boxes.open()
  await store.transact(async (tx) => {
    const row = { id: organization, name: 'acme', currency: 'USD', timeZone: 'Asia/Shanghai' } as const
    const owner = await add('owner')
    await createOrganization(tx, row, owner.id)
    for (const role of ['billing', 'member', 'viewer'] as const)
      await addMember(tx, organization, (await add(role)).id, role)
    async function add(name: string) {
      const email = `${name}-${runs}@example.com`
      return addPerson(tx, { email, name, isOperator: false, identityUser: null })
    }
  })
})
afterEach(async () => {
  await boxes.close()
  await store.close()
})

async function warn(minutes: 10 | 60 = 10): Promise<void> {
  await store.transact(async (tx) => {
    const runwayUntil = formatInstant(instant(clock.now() + minutes * minuteMs))
    const money = { liveNanos: 501_999_999n, nanosPerHour: 2_990_000_000n, storageNanosPerHour: 0n }
    const stops = [{ id: 'ins_1', name: 'trainer' }]
    const data = { currency: 'USD', minutes, runwayUntil, ...money, stops } as const
    await emit(tx, { organization, type: 'balance.low', subject: organization, data })
  })
}

/** One pass of a controller that has just been started. */
async function pass(url = `smtp://${host}`): Promise<void> {
  const from = 'gpuhour@example.com'
  const outbox = makeOutbox({
    ...{ store, clock, installation: 'plt_1', console: 'http://localhost:7070', inBackground: false },
    send: () => assert.fail('there is no webhook'),
    sendMail: makeMailer({ url, from, answerMsMax: 2000 }),
    nudge: () => {},
    onTrouble: (_, what) => void troubles.push(what),
  })
  await outbox.pass(never)
}

async function states(): Promise<readonly string[]> {
  const { rows } = await store.read((tx) =>
    sql<{ line: string }>`select split_part(mail.address, '-', 1) || ' ' || mail.state || ' ' || tries as line
      from mail join notice on notice.id = mail.notice where organization = ${organization}
      order by 1`.execute(tx.db),
  )
  return rows.map(({ line }) => line)
}

describe('a mail', () => {
  test('goes to the owner and to who sees to the bills, and says what matters', async () => {
    await warn()
    await pass()
    const recipients = boxes.taken.flatMap(({ to }) => to).map((to) => to.split('-')[0] ?? '')
    assert.deepEqual(recipients.toSorted(), ['billing', 'owner'])
    const [mail] = boxes.taken
    assert.ok(mail)
    assert.equal(mail.from, 'gpuhour@example.com')
    assert.match(mail.text, /^Subject: 10 minutes of balance left: acme\r$/m)
    assert.match(mail.text, /^Message-ID: <mai_[0-9a-z]+@example\.com>\r$/m)
    assert.match(mail.text, /^Auto-Submitted: auto-generated\r$/m)
    assert.match(mail.text, /lasts until 27 November 2026 at 16:10 \(Asia\/Shanghai\)/)
    assert.match(mail.text, /\$0\.50 are left; \$2\.99 an hour are spent\./)
    assert.match(mail.text, /^- trainer\r$/m)
    assert.match(mail.text, /http:\/\/localhost:7070\/billing/)
  })

  test('is in the language of whom it is for, or of their organization', async () => {
    await store.transact(async (tx) => {
      await sql`update organization set language = 'zh' where id = ${organization}`.execute(tx.db)
      await sql`update person set language = 'en' where email = ${`owner-${runs}@example.com`}`.execute(tx.db)
    })
    await warn()
    await pass()
    const of = (who: string): string => boxes.taken.find(({ to }) => to[0]?.startsWith(who))?.text ?? ''
    assert.match(of('owner'), /^Subject: 10 minutes/m)
    const [, subject = ''] = /^Subject: =\?UTF-8\?B\?(.*?)\?=/m.exec(of('billing')) ?? []
    assert.match(Buffer.from(subject, 'base64').toString('utf8'), /^余额仅够使用 10 分钟/)
    const [, body = ''] = /\r\n\r\n([\s\S]*)/.exec(of('billing')) ?? []
    assert.match(
      Buffer.from(body, 'base64').toString('utf8'),
      /可用到 2026年11月27日 16:10 \(Asia\/Shanghai\)/,
    )
  })

  test('is sent once, however often the loop begins anew', async () => {
    await warn()
    for (let starts = 0; starts < 3; starts += 1) await pass()
    assert.equal(boxes.taken.length, 2)
    assert.deepEqual(await states(), ['billing sent 1', 'owner sent 1'])
  })

  test('is not written where no mail is sent', async () => {
    await warn()
    const parts = { store, clock, installation: 'plt_1', console: '', inBackground: false, sendMail: null }
    const send = (): never => assert.fail()
    await makeOutbox({ ...parts, send, nudge: () => {}, onTrouble: () => {} }).pass(never)
    await pass()
    assert.deepEqual(await states(), [])
  })
})

describe('a server', () => {
  test('that is busy is asked again; one that refuses the address is not', async () => {
    boxes.recipient = (to) => (to.startsWith('owner') ? fault(451, 'greylisted') : fault(550, 'no such user'))
    await warn(60)
    await pass()
    assert.deepEqual(await states(), ['billing failed 1', 'owner waiting 1'])
    assert.equal(troubles.length, 2)
    boxes.recipient = () => null
    await pass()
    assert.equal(boxes.taken.length, 0, 'not before its time')
    await clock.advance(minuteMs)
    await pass()
    assert.deepEqual(await states(), ['billing failed 1', 'owner sent 2'])
  })

  test('that says no to the text is answered by its code', async () => {
    boxes.message = (to) => (to.startsWith('owner') ? fault(452, 'full') : fault(554, 'spam'))
    await warn()
    await pass()
    assert.deepEqual(await states(), ['billing failed 1', 'owner waiting 1'])
  })

  test('that is away is asked until the warning is of no use', async () => {
    await boxes.close()
    await warn(60)
    for (let minutes = 0; minutes <= 60; minutes += 5) {
      await pass()
      await clock.advance(5 * minuteMs)
    }
    assert.deepEqual(await states(), ['billing waiting 4', 'owner waiting 4'])
    boxes = new Mailboxes()
    host = await boxes.open()
    await clock.advance(24 * hourMs)
    await pass()
    assert.deepEqual(await states(), ['billing failed 4', 'owner failed 4'])
    assert.equal(boxes.taken.length, 0)
  })

  test('that took the text and whose answer was lost is not given it again', async () => {
    boxes.breaksAfterText = true
    await warn()
    await pass()
    assert.deepEqual(await states(), ['billing in_doubt 1', 'owner in_doubt 1'])
    boxes.breaksAfterText = false
    await clock.advance(24 * hourMs)
    await pass()
    assert.equal(boxes.taken.length, 2, 'each once')
  })

  test('with a certificate that is not trusted is told nothing', async () => {
    await boxes.close()
    boxes = new Mailboxes({ offersTls: true })
    host = await boxes.open()
    await warn()
    await pass()
    assert.deepEqual(await states(), ['billing waiting 1', 'owner waiting 1'])
    assert.match(troubles[0] ?? '', /certificate/)
    assert.equal(boxes.taken.length, 0)
  })

  test('wants a password, and gets it', async () => {
    await boxes.close()
    boxes = new Mailboxes({ user: 'us', password: 'p@ss:word/' })
    host = await boxes.open()
    await warn(60)
    await pass(`smtp://us:wrong@${host}`)
    assert.deepEqual(await states(), ['billing waiting 1', 'owner waiting 1'], 'that is ours to mend')
    await clock.advance(minuteMs)
    await pass(`smtp://us:${encodeURIComponent('p@ss:word/')}@${host}`)
    assert.deepEqual(await states(), ['billing sent 2', 'owner sent 2'])
  })
})

test('a crash after the server asked for the text: in doubt, told, and not sent again', async () => {
  await warn()
  await store.transact((tx) => sql`select 1`.execute(tx.db))
  const outbox = makeOutbox({
    ...{ store, clock, installation: 'plt_1', console: '', inBackground: true },
    send: () => assert.fail('there is no webhook'),
    // It is handed over, and then nothing more is heard of this process.
    sendMail: async (_, handOver) => {
      await handOver()
      return new Promise(() => {})
    },
    nudge: () => {},
    onTrouble: () => {},
  })
  await outbox.pass(never)
  while (!(await states()).includes('billing handed 0') && !(await states()).includes('owner handed 0'))
    await new Promise((resolve) => setImmediate(resolve))
  await pass()
  assert.equal(boxes.taken.length, 1, 'only the one that had not been begun')
  assert.equal((await states()).filter((line) => line.includes('in_doubt')).length, 1)
  assert.ok(troubles.some((what) => what.includes('answer lost')))
})
