import { AppError } from '../kernel/errors.ts'
import { newSecret, type PersonId, sha256Hex } from '../kernel/ids.ts'
import { hourMs, instant, minuteMs } from '../kernel/time.ts'
import type { Store, Tx } from '../store/store.ts'
import * as tenancy from '../tenancy/tenancy.ts'
import * as rows from './links.rows.ts'

/** Long enough to fetch a mail, short enough that a lost one is worthless. */
export const linkMs = 15 * minuteMs

/** The link that a start prints: whoever reads the terminal may come back to it after a long first build. */
export const firstLinkMs = 24 * hourMs

/** Makes a secret that signs the person in once. Only its hash is kept. */
export async function mintLoginLink(tx: Tx, person: PersonId, validMs = linkMs): Promise<string> {
  const now = await tx.now()
  const token = newSecret('gpl_')
  await rows.deleteLinksBefore(tx, now)
  await rows.insertLink(tx, {
    hash: sha256Hex(token),
    person,
    createdAt: now,
    expiresAt: instant(now + validMs),
  })
  return token
}

/** Uses a link up; throws `unauthenticated` where it is unknown, used or too old: they look the same. */
export async function redeemLoginLink(tx: Tx, token: string): Promise<tenancy.PersonRow> {
  const taken = await rows.takeLink(tx, sha256Hex(token))
  const person = taken && taken.expiresAt > (await tx.now()) ? await tenancy.person(tx, taken.person) : null
  if (person) return person
  const why = 'This link was used already, or is too old.'
  throw new AppError('unauthenticated', `${why} Get a new one: ./gpuhour open, or ask who sent it.`)
}

/**
 * The address by which a person signs in once. The secret stands behind "#": a browser never sends that part,
 * so it is in no access log, no proxy and no Referer.
 */
export async function loginLinkFor(
  tx: Tx,
  person: PersonId,
  consoleUrl: string,
  validMs = linkMs,
): Promise<string> {
  return `${consoleUrl}/sign-in#${await mintLoginLink(tx, person, validMs)}`
}

/**
 * The address by which the operator signs in once, for `npm start` to print. Null before the seed.
 */
export async function operatorLoginLink(store: Store, consoleUrl: string): Promise<string | null> {
  return store.transact(async (tx) => {
    const operator = await tenancy.personByEmail(tx, tenancy.operatorEmail)
    return operator && loginLinkFor(tx, operator.id, consoleUrl, firstLinkMs)
  })
}
