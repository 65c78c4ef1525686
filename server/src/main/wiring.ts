import type { Store } from '../store/store.ts'
import type { RoleContext } from './context.ts'
import type { Printer } from './progress.ts'
import { seed } from './seed.ts'

/** What `main` itself asks of the rooms at a start, in one place. */
export interface Hooks {
  /** Makes what a first start needs and a later one finds. */
  seed(store: Store, context: Pick<RoleContext, 'config' | 'platform' | 'log'>): Promise<void>
  /** A link by which the operator signs in once; null where there is none to give. */
  loginLink(store: Store, context: Pick<RoleContext, 'platform'>): Promise<string | null>
  /** Shows how far the images are, until the signal fires. */
  showBuilds(store: Store, printer: Printer, signal: AbortSignal): Promise<void>
}

/** The rooms' answers. */
export const hooks: Hooks = {
  seed,
  loginLink: async () => null,
  showBuilds: async () => {},
}
