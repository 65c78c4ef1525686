import type { Store } from '../store/store.ts'
import type { RoleContext } from './context.ts'

/** Makes what a first start needs and a later one finds: called at every start, before the roles. */
export async function seed(store: Store, context: Pick<RoleContext, 'config' | 'platform' | 'log'>): Promise<void> {
  await store.ping()
  context.log.debug('nothing to seed')
}
