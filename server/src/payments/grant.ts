import { type Payments, PaymentsError } from './payments.ts'

async function refuse(): Promise<never> {
  throw new PaymentsError(
    'not_set_up',
    'Card payments are not set up on this platform. An operator can give money instead: ask for a grant.',
  )
}

/** The way without a vendor: an operator gives money, and nobody is asked to pay. */
export const grantPayments: Payments = {
  way: 'grant',
  checkout: refuse,
  lookUp: refuse,
  refund: refuse,
  eventsSince: refuse,
  readEvent: () => null,
}
