import { offerCharacters } from '../../server/src/catalog/catalog.ts'
import type { OrganizationId, ProjectId } from '../../server/src/kernel/ids.ts'
import { hourMs, instant } from '../../server/src/kernel/time.ts'
import { nanos } from '../../server/src/kernel/money.ts'
import { marketRates } from '../../server/src/pricing/market.rules.ts'
import { publish } from '../../server/src/pricing/pricing.ts'
import type { NodePlan } from '../../server/src/runtime/simulated/world.ts'
import { addPerson, createOrganization, createProject } from '../../server/src/tenancy/tenancy.ts'
import type { Platform } from './platform.ts'

/** How long and how much a history is. */
export interface Scale {
  readonly hours: number
  /** At least so many instances and runs are launched. */
  readonly launches: number
}

/** `quality.md` §4: what counts as a simulation. */
export const longScale: Scale = { hours: 8, launches: 20 }

/** For every run of the suite. */
export const shortScale: Scale = { hours: 2, launches: 10 }

function devices(node: string, model: string, count: number): NodePlan['devices'] {
  return Array.from({ length: count }, (_, index) => {
    return { id: `GPU-${node}-${index}`, model, memoryMib: 81_559, healthy: true }
  })
}

/** Three machines, too small for all that is asked for: somebody always waits. */
export const nodes: readonly NodePlan[] = [
  { name: 'alpha', cpus: 8, memoryGib: 34, diskGib: 1000, devices: [] },
  { name: 'beta', cpus: 16, memoryGib: 130, diskGib: 2000, devices: devices('beta', 'h100', 2) },
  { name: 'gamma', cpus: 8, memoryGib: 66, diskGib: 2000, devices: devices('gamma', 'v100', 4) },
]

/** Flavors that people ask for. */
export const flavors: readonly string[] = [
  ...['cpu.1x2', 'cpu.1x4', 'cpu.2x8', 'cpu.4x16', 'h100.1', 'h100.2', 'v100.1', 'v100.2', 'v100.4'],
]

/** What instances run: most are well, some are not. */
export const instanceImages: readonly string[] = [
  ...[
    'sim/ok',
    'sim/ok',
    'sim/runs-for-ever',
    'sim/slow-start-3s',
    'sim/slow-start-90s',
    'sim/slow-pull-45s',
  ],
  ...[
    'sim/ok',
    'sim/never-starts',
    'sim/exits-after-700s',
    'sim/exits-with-7+exits-after-900s',
    'sim/refuses',
  ],
  ...['sim/ok', 'sim/vanishes-after-600s', 'sim/pauses-after-500s', 'sim/oom+exits-after-800s'],
  ...['sim/ok', 'sim/ignores-term', 'sim/fails-elsewhere', 'sim/exits-with-69', 'sim/slow-start-119s'],
]

/** What runs run. */
export const runImages: readonly string[] = [
  ...['sim/ok', 'sim/exits-after-30s', 'sim/exits-after-900s', 'sim/exits-with-3+exits-after-45s'],
  ...['sim/exits-after-2000s', 'sim/slow-pull-45s+exits-after-61s', 'sim/oom', 'sim/vanishes-after-80s'],
  ...[
    'sim/runs-for-ever',
    'sim/runs-for-ever+ignores-term',
    'sim/exits-after-1s',
    'sim/refuses',
    'sim/exits-with-69',
  ],
]

/** Who there is: money for hours, for an hour, for minutes; and calendars that disagree. */
const parties = [
  { name: 'Ample', timeZone: 'UTC', dollars: 400n },
  { name: 'Middling', timeZone: 'Asia/Kolkata', dollars: 6n },
  { name: 'Frugal', timeZone: 'America/St_Johns', dollars: 1n },
  { name: 'Poor', timeZone: 'Asia/Shanghai', dollars: 0n },
  { name: 'Poorer', timeZone: 'Pacific/Chatham', dollars: 0n },
] as const

/**
 * These run one thing at a time: where its lease ends, an outsider can tell to the second what it should
 * have had.
 */
const singles: readonly string[] = ['Frugal', 'Poor', 'Poorer']

/** An organization with its one project. */
export interface Party {
  readonly name: string
  readonly organization: OrganizationId
  readonly project: ProjectId
  /** The first grant. */
  readonly amount: bigint
  /** Runs one thing at a time. */
  readonly isSingle: boolean
}

/** Cents that the poorest begins with. */
const poorNanos = 30_000_000n

/** Makes organizations, price books and characters; grants come later, as asks. */
export async function settleIn(platform: Platform): Promise<readonly Party[]> {
  return platform.store.transact(async (tx) => {
    const owner = await addPerson(tx, {
      email: 'owner@example.com',
      name: 'O',
      isOperator: false,
      identityUser: null,
    })
    const made: Party[] = []
    for (const { name, timeZone, dollars } of parties) {
      const [organization, project] = [tx.newId('organization'), tx.newId('project')]
      await createOrganization(tx, { id: organization, name, currency: 'USD', timeZone }, owner.id)
      await createProject(tx, { id: project, organization, name: 'one' })
      const amount = dollars > 0n ? dollars * 1_000_000_000n : poorNanos
      made.push({ name, organization, project, amount, isSingle: singles.includes(name) })
    }
    const now = await tx.now()
    await publish(tx, { currency: 'USD', effectiveFrom: now, rates: marketRates('USD') })
    // Dearer, and with remainders: what has begun keeps the first book.
    const dearer = marketRates('USD').map((rate) => ({
      ...rate,
      nanos: nanos((rate.nanos * 107n) / 100n + 7n),
    }))
    await publish(tx, { currency: 'USD', effectiveFrom: instant(now + hourMs), rates: dearer })
    await offerCharacters(tx, [...new Set([...instanceImages, ...runImages])])
    return made
  })
}
