import assert from 'node:assert/strict'
import { sql } from 'kysely'
import type { Id, OrganizationId, PersonId } from '../kernel/ids.ts'
import { type Nanos, nanos, nanosPerUnit } from '../kernel/money.ts'
import { stripePayments } from '../payments/stripe.ts'
import { signed, testSecrets } from '../payments/testing.ts'
import { at } from '../store/store.ts'
import * as tenancy from '../tenancy/tenancy.ts'
import { walletOf } from '../ledger/ledger.ts'
import * as payments from './payments.ts'
import { dueOf, returnStateOf } from './payments.rules.ts'
import type { Stage } from './testing.ts'

/** The id of the platform in tests of payments. */
export const installation = 'plt_test'

/** Reads events as the api does; asks nobody. */
const stripe = stripePayments({ ...testSecrets, apiBase: 'http://127.0.0.1:9' })

/** What an organization has after a payment, and what is known of it. */
export interface Books {
  readonly state: string
  readonly posted: bigint
  readonly owed: bigint
  /** What came in by card, less what went back. */
  readonly cash: bigint
  readonly returns: readonly string[]
}

/** Customers on a stage who pay by card, and the vendor's events that reach us. */
export class Counter {
  readonly #stage: Stage
  readonly person: PersonId
  #count = 0

  constructor(stage: Stage, person: PersonId) {
    this.#stage = stage
    this.person = person
  }

  static async open(stage: Stage): Promise<Counter> {
    const somebody = { email: 'payer@example.com', name: 'Payer', isOperator: true, identityUser: null }
    const person = await stage.store.transact((tx) => tenancy.addPerson(tx, somebody))
    return new Counter(stage, person.id)
  }

  /** An organization of its own that wants to pay so many units. */
  async ask(units = 20n): Promise<{ organization: OrganizationId; payment: Id<'payment'> }> {
    const { store } = this.#stage
    return store.transact(async (tx) => {
      this.#count += 1
      const organization = tx.newId('organization')
      await sql`insert into organization (id, name, currency, time_zone, created_at)
        values (${organization}, ${`Payer ${this.#count}`}, 'USD', 'UTC', ${at(await tx.now())})`.execute(
        tx.db,
      )
      const id = tx.newId('payment')
      const amount = nanos(units * nanosPerUnit)
      const asked = { id, organization, person: this.person, amount, currency: 'USD' } as const
      const result = await payments.askPayment(tx, asked)
      assert.ok(result.ok && result.isNew)
      await payments.pageOpened(tx, id, { id: `cs_${id}`, url: 'https://checkout.example' })
      return { organization, payment: id }
    })
  }

  /** The vendor sends an event, signed. True where it is new. */
  async send(event: object): Promise<boolean> {
    const { store, clock } = this.#stage
    const { body, signature } = signed(event, clock.now())
    const read = stripe.readEvent(body, signature, clock.now())
    assert.ok(read, 'it is genuine')
    return store.transact((tx) => payments.receiveEvent(tx, read, installation))
  }

  /** The books of an organization with one payment. */
  async books(organization: OrganizationId, payment: Id<'payment'>): Promise<Books> {
    return this.#stage.store.read(async (tx) => {
      const row = await payments.payment(tx, payment)
      assert.ok(row)
      const { accounts, posted, owed } = await walletOf(tx, organization)
      const { rows } = await sql<{ cash: bigint }>`
        select coalesce(sum(case when credit = any(${[accounts.customer, accounts.receivable]}::text[])
          then amount else -amount end), 0) as cash
        from transfer where about = ${payment} and kind = 'post'`.execute(tx.db)
      const returns = (await payments.returnsOf(tx, [row])).get(row.intent ?? '') ?? []
      return {
        state: row.state,
        posted,
        owed,
        cash: rows[0]?.cash ?? 0n,
        returns: returns
          .map((one) => {
            if (row.state === 'paid') assert.equal(one.taken, dueOf(one), 'the wallet gave what it had to')
            return `${one.kind} ${one.amount / nanosPerUnit} ${returnStateOf(one)}`
          })
          .toSorted((a, b) => a.localeCompare(b)),
      }
    })
  }
}

/** Units in nanos. */
export function units(value: bigint): Nanos {
  return nanos(value * nanosPerUnit)
}
