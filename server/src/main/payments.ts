import { grantPayments } from '../payments/grant.ts'
import type { Payments } from '../payments/payments.ts'
import { stripePayments } from '../payments/stripe.ts'
import type { Config } from './config.ts'

/** How money is added, by the configuration: by Stripe where its secrets are set, else by grants. */
export function paymentsOf({ stripeSecretKey, stripeWebhookSecret, stripeApiBase }: Config): Payments {
  if (stripeSecretKey === null || stripeWebhookSecret === null) return grantPayments
  return stripePayments({
    secretKey: stripeSecretKey,
    webhookSecret: stripeWebhookSecret,
    apiBase: stripeApiBase,
  })
}
