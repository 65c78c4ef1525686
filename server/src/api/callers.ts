import { apiKeys } from '../identity/apikeys.ts'
import { identify } from '../identity/identity.ts'
import { AppError, isAppError } from '../kernel/errors.ts'
import { sha256Hex } from '../kernel/ids.ts'
import type { Principal } from '../tenancy/rules.ts'
import { addressLimit, callerLimit, type Limit, makeLimiter, type Taken } from './limits.ts'
import type { ApiParts } from './parts.ts'

/** Finds out who calls, and refuses who calls too often. */
export interface Callers {
  /** `tell` hears what is left of the limit that applies, also where the request is refused. */
  identify(headers: Headers, address: string, tell: (limits: Headers) => void): Promise<Principal>
  /** Who that is as time goes by: an open stream ends with its key, its session or its membership. */
  watch(headers: Headers, first: Principal): () => Promise<Principal>
}

/** A stream believes for so long that who opened it is still who they were. */
const believedMs = 10_000

/** Beyond so many credentials the oldest are strange again: they pay by their address once more. */
const knownMax = 10_000

/** The form of draft-ietf-httpapi-ratelimit-headers. */
function limitHeaders(name: string, { burst, perSecond }: Limit, taken: Taken): Headers {
  const headers = new Headers({
    'ratelimit-policy': `"${name}";q=${burst};w=${burst / perSecond}`,
    ratelimit: `"${name}";r=${taken.remaining};t=${taken.retryAfter}`,
  })
  if (!taken.allowed) headers.set('retry-after', String(taken.retryAfter))
  return headers
}

/** All that could identify, byte for byte: any other spelling of it is a stranger's. */
function credentialOf(headers: Headers): string {
  return sha256Hex(JSON.stringify([headers.get('authorization'), headers.get('cookie')]))
}

/**
 * A caller is limited by key or person; who is not known yet by address. Both, where it can be, before the
 * database is asked.
 */
export function makeCallers({
  store,
  sessions,
  clock,
}: Pick<ApiParts, 'store' | 'sessions' | 'clock'>): Callers {
  const callers = makeLimiter(callerLimit, clock)
  const addresses = makeLimiter(addressLimit, clock)
  /** Whom a credential spoke for when it was last presented; a hint only: it is asked for every time. */
  const known = new Map<string, string>()

  const ask = (headers: Headers): Promise<Principal> =>
    store.transact((tx) => identify(tx, [apiKeys, sessions.identity], { headers }))

  const remember = (credential: string, caller: string): void => {
    known.delete(credential)
    known.set(credential, caller)
    const [oldest] = known.keys()
    if (known.size > knownMax && oldest !== undefined) known.delete(oldest)
  }

  return {
    async identify(headers, address, tell) {
      const takeCaller = (caller: string): void => {
        const taken = callers.take(caller)
        tell(limitHeaders('caller', callerLimit, taken))
        if (taken.allowed) return
        const rate = `More than ${callerLimit.perSecond} requests a second.`
        throw new AppError('rate_limited', `${rate} Wait, then go on.`)
      }
      const credential = credentialOf(headers)
      const caller = known.get(credential)
      if (caller !== undefined) takeCaller(caller)
      else {
        const taken = addresses.take(address)
        tell(limitHeaders('address', addressLimit, taken))
        if (!taken.allowed)
          throw new AppError('rate_limited', 'Too many strangers at this address. Wait a little.')
      }
      const principal = await ask(headers).catch((error: unknown) => {
        const isWrong = isAppError(error) && error.code === 'unauthenticated'
        if (isWrong) known.delete(credential)
        // What was known has not paid by its address yet; a fault of ours costs nobody.
        if (isWrong && caller !== undefined) addresses.take(address)
        if (!isWrong && caller === undefined) addresses.giveBack(address)
        throw error
      })
      const name = principal.key?.id ?? principal.person
      remember(credential, name)
      if (caller === undefined) {
        // Who is over the limit and spells the same key in ever new ways goes on paying by address.
        takeCaller(name)
        addresses.giveBack(address)
      }
      return principal
    },

    watch(headers, first) {
      let last = { principal: first, at: clock.monotonic() }
      return async () => {
        const at = clock.monotonic()
        if (at - last.at >= believedMs) last = { principal: await ask(headers), at }
        return last.principal
      }
    },
  }
}
