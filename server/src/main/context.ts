import type { Logger } from 'pino'
import type { Clock } from '../kernel/clock.ts'
import type { Ids } from '../kernel/ids.ts'
import type { Store } from '../store/store.ts'
import type { Config } from './config.ts'
import type { Platform } from './platform.ts'

/** The processes that `main` starts and watches; it ends them in the opposite order, the doors first. */
export const roleNames = ['api', 'controller', 'gateway'] as const
export type RoleName = (typeof roleNames)[number]

/** What every role is given. */
export interface RoleContext {
  /** With concrete ports and a database URL: `main` has resolved both. */
  readonly config: Config
  /** Writes `<data>/log/<role>.jsonl`; warnings and errors also appear, short, on `main`'s stderr. */
  readonly log: Logger
  readonly store: Store
  /** For waiting and for measuring; times that charge come from `tx.now()`. */
  readonly clock: Clock
  readonly ids: Ids
  /** Fires when the role shall end: told so by `main`, or because `main` is gone. */
  readonly signal: AbortSignal
  /** Installation id, operator's secret and public addresses, as in `platform.json`. */
  readonly platform: Platform
  /** The folder of the built console, or null where there is none. */
  readonly consoleDir: string | null
}

/** Why a role ends that nobody told to: `main` was killed. */
export class MainIsGone extends Error {
  constructor() {
    super('main is gone')
  }
}

/** A role that is ready for its work. */
export interface RunningRole {
  /** Resolves when all it began has ended, after the context's signal fired; rejects when it cannot go on. */
  readonly ended: Promise<void>
}

/** `startApi`, `startGateway` and `startController` have this form; they resolve when the role is ready. */
export type StartRole = (context: RoleContext) => Promise<RunningRole>

/** Resolves when the signal fires. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve()
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
