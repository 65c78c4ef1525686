import { organizationsPaying, organizationsToWatch, watchBalance } from '../billing/warnings.ts'
import type { Ending } from '../billing/warnings.rules.ts'
import { messageOf } from '../kernel/errors.ts'
import type { AllocationId, OrganizationId } from '../kernel/ids.ts'
import { formatInstant, secondMs } from '../kernel/time.ts'
import type { RuntimeDriver } from '../runtime/driver.ts'
import type { Store } from '../store/store.ts'
import { type Loop, type PassReport, Troubles } from './loop.ts'

/** What the warner works with. */
export interface WarnerParts {
  readonly store: Store
  readonly driver: RuntimeDriver
  /** Where money is added: `http://localhost:7070`. */
  readonly console: string
  readonly onTrouble: (subject: string, what: string, error: unknown) => void
}

/** What each allocation of an organization was last told. */
type Told = ReadonlyMap<AllocationId, string | null>

/** Tells people how long their money lasts, and the machines that it pays for when they will be stopped. */
export function makeWarner(parts: WarnerParts): Loop {
  const { store, driver, onTrouble } = parts
  const told = new Map<OrganizationId, Told>()
  let isFirst = true

  const tellGuests = async (
    organization: OrganizationId,
    endings: ReadonlyMap<AllocationId, Ending | null>,
    signal: AbortSignal,
  ): Promise<number> => {
    const before = told.get(organization)
    const after = new Map<AllocationId, string | null>()
    let changes = 0
    for (const [allocation, ending] of endings) {
      const notice = ending && noticeOf(ending, parts.console)
      // What we do not remember of, an earlier process may have told something.
      const isKnown = before?.has(allocation) ?? false
      if (isKnown && before?.get(allocation) === notice) {
        after.set(allocation, notice)
        continue
      }
      try {
        await driver.tell(allocation, notice, signal)
        after.set(allocation, notice)
        changes += 1
      } catch (error) {
        signal.throwIfAborted()
        onTrouble(allocation, `telling it of its money: ${messageOf(error)}`, error)
      }
    }
    told.set(organization, after)
    return changes
  }

  return {
    name: 'warner',
    everyMs: 5 * secondMs,
    async pass(signal): Promise<PassReport> {
      const counts = { organizations: 0, warnings: 0, guests: 0 }
      const troubles = new Troubles()
      const due = await store.read(async (tx) => {
        const all = isFirst ? await organizationsPaying(tx) : []
        return new Set([...all, ...(await organizationsToWatch(tx))])
      })
      for (const organization of due) {
        signal.throwIfAborted()
        counts.organizations += 1
        await troubles.spare(async () => {
          const watched = await store.transact((tx) => watchBalance(tx, organization))
          if (watched.told !== null) counts.warnings += 1
          counts.guests += await tellGuests(organization, watched.endings, signal)
        })
      }
      isFirst = false
      troubles.report('watching balances failed')
      return counts
    },
  }
}

/**
 * What stands in /run/gpuhour/notice: a line for people, and one of JSON for programs that save their work in
 * time. It changes when the end does, and at each warning.
 */
export function noticeOf({ at, minutes, why }: Ending, console: string): string {
  const until = formatInstant(at)
  const shown = until.slice(0, 19).replace('T', ' ')
  const cause = why === null ? 'the balance is used up' : why
  const line = `gpuhour: ${cause} at ${shown} UTC, and this is stopped then.`
  const json = {
    kind: 'money_ends',
    until,
    minutes,
    because: why ?? 'balance',
    console: `${console}/billing`,
  }
  return `${line} Save your work. ${console}/billing\n${JSON.stringify(json)}\n`
}
