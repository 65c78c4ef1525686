import { builds } from '../catalog/catalog.ts'
import type { BuildRow } from '../catalog/catalog.ts'
import { operatorLoginLink } from '../identity/links.ts'
import { systemClock } from '../kernel/clock.ts'
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

/** Often enough to see bytes move. */
const lookMs = 1000

/** `pytorch-cuda:2.9: step 7 of 14 · 1.2 of 3.4 GB · pip install …` */
function sayBuild(build: BuildRow): string {
  const name = `Image ${build.image}:${build.version}`
  if (build.state === 'waiting') return `${name}: waiting`
  const gigabytes = (bytes: bigint): string => (Number(bytes) / 1e9).toFixed(2)
  const { bytesDone, bytesTotal } = build
  const bytes =
    bytesDone === null ? '' : ` · ${gigabytes(bytesDone)} of ${gigabytes(bytesTotal ?? bytesDone)} GB`
  const what = build.state === 'proving' ? 'proving' : `step ${build.step} of ${build.steps}`
  return `${name}: ${what}${bytes} · ${build.title}`
}

async function showBuilds(store: Store, printer: Printer, signal: AbortSignal): Promise<void> {
  const told = new Map<string, string>()
  while (!signal.aborted) {
    for (const build of await store.read((tx) => builds(tx)).catch((): readonly BuildRow[] => [])) {
      const key = `${build.image}:${build.version} ${build.recipe}`
      const isOver = build.state === 'done' || build.state === 'failed'
      const before = told.get(key)
      // What was over before we looked is no news.
      if (before === undefined && isOver) told.set(key, build.state)
      else if (isOver && before !== build.state) {
        const end = build.state === 'done' ? 'ready' : `failed: ${build.error ?? 'see the log'}`
        printer.done(key, `Image ${build.image}:${build.version}: ${end}`)
        told.set(key, build.state)
      } else if (!isOver) {
        printer.progress(key, sayBuild(build))
        told.set(key, 'shown')
      }
    }
    await systemClock.sleep(lookMs, signal).catch(() => {})
  }
}

/** The rooms' answers. */
export const hooks: Hooks = {
  seed,
  loginLink: (store, { platform }) => operatorLoginLink(store, platform.console),
  showBuilds,
}
