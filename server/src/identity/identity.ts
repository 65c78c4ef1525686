import { AppError } from '../kernel/errors.ts'
import type { Tx } from '../store/store.ts'
import type { Principal } from '../tenancy/rules.ts'

/** What a request brought to show who sends it. */
export interface Credential {
  readonly headers: Headers
}

/** One way of finding out who is asking. Says nothing about what they may do. */
export interface Identity {
  readonly method: Principal['method']
  /** Null: not mine to judge. Throws `unauthenticated` when it is mine and wrong. */
  identify(tx: Tx, presented: Credential): Promise<Principal | null>
}

/**
 * The token of `Authorization: Bearer …`; null where there is none. Another scheme is wrong whoever
 * judges it.
 */
export function bearerOf(headers: Headers): string | null {
  const header = headers.get('authorization')
  if (header === null) return null
  const [, token] = /^bearer +(\S+)$/i.exec(header) ?? []
  if (token === undefined)
    throw new AppError('unauthenticated', 'The Authorization header is none of ours. Send "Bearer gph_…".')
  return token
}

/** The same whether a key is unknown, lapsed or revoked: nobody learns which from us. */
export function keyRefused(): AppError {
  return new AppError(
    'unauthenticated',
    'This key is not valid. Make a new one, or sign in again: gpuhour login.',
  )
}

/** Who is asking, by the first way that knows; throws `unauthenticated` where none does. */
export async function identify(tx: Tx, ways: readonly Identity[], presented: Credential): Promise<Principal> {
  for (const way of ways) {
    const principal = await way.identify(tx, presented)
    if (principal) return principal
  }
  throw new AppError(
    'unauthenticated',
    'Nobody is signed in here. Sign in, or send an API key: gpuhour login.',
  )
}
