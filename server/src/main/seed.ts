import { grant } from '../billing/billing.ts'
import { offerCharacters } from '../catalog/catalog.ts'
import { derivedId } from '../kernel/ids.ts'
import { nanos, nanosPerUnit } from '../kernel/money.ts'
import type { Store } from '../store/store.ts'
import { ensureOperator, seedDemo } from '../tenancy/tenancy.ts'
import type { RoleContext } from './context.ts'
import { publishRates } from './rates.ts'

/** What the demo project can spend: some three hundred hours of two CPUs, or an evening on a large GPU. */
const demoGrant = nanos(25n * nanosPerUnit)

/** The simulated runtime's characters that are on offer by name. */
const characters = [
  'sim/ok',
  'sim/slow-start-3s',
  'sim/slow-pull-5s',
  'sim/never-starts',
  'sim/exits-with-7',
  'sim/exits-after-60s',
  'sim/runs-for-ever',
  'sim/vanishes',
  'sim/pauses',
  'sim/oom',
  'sim/refuses',
  'sim/fails-elsewhere',
  'sim/ignores-term',
]

/** Makes what a first start needs and a later one finds: called at every start, before the roles. */
export async function seed(
  store: Store,
  { config, platform, log }: Pick<RoleContext, 'config' | 'platform' | 'log'>,
): Promise<void> {
  const published = await store.transact(async (tx) => {
    const demo = await seedDemo(tx, platform.installation)
    await ensureOperator(tx, demo, platform.operatorSecret)
    const rates = await publishRates(tx, config.dataDir)
    if (rates === 'first') {
      const { organization, operator } = demo
      const id = derivedId('transfer', platform.installation, 'demo grant')
      await grant(tx, { organization, amount: demoGrant, by: operator, id })
    }
    if (config.runtime === 'simulated') await offerCharacters(tx, characters)
    return rates
  })
  if (published === 'first') log.info('seeded the demo project, its balance and the first price book')
  if (published === 'changed') log.info('published the changed table of rates as a new price book')
}
