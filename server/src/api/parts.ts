import type { Clock } from '../kernel/clock.ts'
import type { ObjectStore } from '../objects/objects.ts'
import type { Payments } from '../payments/payments.ts'
import type { Store } from '../store/store.ts'
import type { Sessions } from '../identity/sessions.ts'
import type { AddressPolicy } from '../notices/addresses.rules.ts'
import type { Nudges } from './nudges.ts'

/** Where the doors of instances stand. */
export interface Doors {
  readonly apps: { readonly scheme: 'http' | 'https'; readonly host: string; readonly port: number }
  readonly ssh: { readonly host: string; readonly port: number }
}

/** One line of the log; pino's loggers have this form. */
export interface ApiLog {
  info(detail: object, message: string): void
  warn(detail: object, message: string): void
  error(detail: object, message: string): void
}

/** Everything that the app is made of. */
export interface ApiParts {
  readonly store: Store
  /** What was issued lies here. */
  readonly objects: ObjectStore
  readonly clock: Clock
  readonly log: ApiLog
  readonly sessions: Sessions
  readonly nudges: Nudges
  readonly doors: Doors
  readonly payments: Payments
  /** `http://localhost:7070`. */
  readonly consoleUrl: string
  readonly dataDir: string
  /** The folder of the built console; null where there is none. */
  readonly consoleDir: string | null
  readonly version: string
  /** The id of this platform. */
  readonly installation: string
  /** Where webhooks may lead. */
  readonly webhookPolicy: AddressPolicy
  readonly runtime: string
  /** Where the machines stand, as exports say it. */
  readonly region: string
  /** The configuration in force, for the operator. */
  readonly configuration: readonly {
    readonly name: string
    readonly value: string
    readonly meaning: string
  }[]
  /** Fires when the role ends: streams end with it. */
  readonly signal: AbortSignal
}
