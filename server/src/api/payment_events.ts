import { receiveEvent } from '../billing/payments.ts'
import { AppError } from '../kernel/errors.ts'
import { type Limit, makeLimiter } from './limits.ts'
import type { ApiParts } from './parts.ts'
import { readText } from './requests.ts'

/** Where the payment vendor sends its events to. No session, no key: a signature says who it is. */
export const eventsPath = '/stripe/events'

/** The largest event that is read, in bytes: what concerns us is far smaller, and Stripe's largest fit. */
const eventBytesMax = 512 * 1024

/** What is not signed, from one address: a wrong secret shows at once, a flood costs a sum each. */
const unsignedLimit: Limit = { burst: 60, perSecond: 1 }

/**
 * Takes what the vendor sends: 200 where it was dealt with or concerns nobody here, also the second time; 400
 * where it is not signed; what is left (503) the vendor sends again.
 */
export function makeEventReceiver(parts: ApiParts) {
  const { store, payments, installation, clock, log } = parts
  const unsigned = makeLimiter(unsignedLimit, clock)
  return async (request: Request, address: string): Promise<Response> => {
    if (payments.way === 'grant')
      throw new AppError('not_found', 'Card payments are not set up on this platform.')
    if (!unsigned.take(address).allowed)
      throw new AppError('rate_limited', 'Too many events without a good signature. Check the secret.')
    const body = await readText(request, eventBytesMax)
    const event = payments.readEvent(body, request.headers.get('stripe-signature') ?? '', clock.now())
    if (!event) {
      log.warn({ address }, 'a payment event without a good signature')
      throw new AppError(
        'invalid_request',
        'The signature is not good, or too old. Check the secret and the clock.',
      )
    }
    unsigned.giveBack(address)
    const isNew = await store.transact((tx) => receiveEvent(tx, event, installation))
    if (isNew) log.info({ event: event.id, type: event.type }, 'a payment event')
    return new Response('{}', {
      headers: { 'content-type': 'application/json', 'cache-control': 'no-store' },
    })
  }
}
