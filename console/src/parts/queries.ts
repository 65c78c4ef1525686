import type { Instance, Run } from '@gpuhour/sdk/contract'
import {
  type InfiniteData,
  keepPreviousData,
  type QueryClient,
  useInfiniteQuery,
  useQuery,
} from '@tanstack/react-query'
import { useClock } from '../ui/now.ts'
import { api, keys, pollMs } from './api.ts'
import { withItem } from './pages.ts'
import { serverClock } from './server_clock.ts'
import { useSession } from './session.ts'

/** The platform's time, again and again; null: once. */
export function useNow(everyMs: number | null): number {
  return useClock(serverClock.now, everyMs)
}

interface Page<T> {
  readonly items: T[]
  readonly next: string | null
}

/** A list that is loaded page by page; `items` are all that were loaded so far. */
export function useList<T>(
  key: readonly unknown[],
  load: (query: { limit: number; cursor?: string }, signal: AbortSignal) => Promise<Page<T>>,
  options: { readonly everyMs?: number; readonly limit?: number; readonly isOff?: boolean } = {},
) {
  const limit = options.limit ?? 50
  const query = useInfiniteQuery({
    queryKey: key,
    queryFn: ({ pageParam, signal }) =>
      load(pageParam === null ? { limit } : { limit, cursor: pageParam }, signal),
    // The first page has no cursor; the type must be that of those that follow.
    initialPageParam: null as string | null,
    getNextPageParam: ({ next }) => next,
    refetchInterval: options.everyMs ?? false,
    enabled: options.isOff !== true,
  })
  return { ...query, data: query.data?.pages.flatMap(({ items }) => items) }
}

export function useBalance() {
  const { organization } = useSession()
  return useQuery({
    queryKey: keys.balance(organization.id),
    queryFn: async ({ signal }) => {
      const balance = await api.getBalance({ params: { organization: organization.id } }, { signal })
      serverClock.hear(balance.asOf)
      return balance
    },
    refetchInterval: pollMs.money,
  })
}

export function useInstances() {
  const { project } = useSession()
  return useList(
    keys.instances(project.id),
    async (query, signal) => {
      const page = await api.listInstances({ params: { project: project.id }, query }, { signal })
      page.items.forEach(({ cost }) => serverClock.hear(cost.asOf))
      return page
    },
    { everyMs: pollMs.calm, limit: 100 },
  )
}

export function useInstance(id: string) {
  return useQuery({
    queryKey: keys.instance(id),
    queryFn: async ({ signal }) => {
      const instance = await api.getInstance({ params: { instance: id } }, { signal })
      serverClock.hear(instance.cost.asOf)
      return instance
    },
    // The stream tells of changes; the amount is brought level by asking.
    refetchInterval: ({ state }) => (state.data?.cost.isPaying ? pollMs.money : pollMs.calm),
  })
}

export function useRuns() {
  const { project } = useSession()
  return useList(
    keys.runs(project.id),
    async (query, signal) => {
      const page = await api.listRuns({ params: { project: project.id }, query }, { signal })
      page.items.forEach(({ cost }) => serverClock.hear(cost.asOf))
      return page
    },
    { everyMs: pollMs.calm },
  )
}

export function useRun(id: string) {
  return useQuery({
    queryKey: keys.run(id),
    queryFn: async ({ signal }) => {
      const run = await api.getRun({ params: { run: id } }, { signal })
      serverClock.hear(run.cost.asOf)
      return run
    },
    refetchInterval: ({ state }) => (state.data?.cost.isPaying ? pollMs.money : pollMs.calm),
  })
}

/** The catalog; asked for more often while something is being built. */
export function useImages() {
  return useQuery({
    queryKey: keys.images,
    queryFn: async ({ signal }) => (await api.listImages({ query: { limit: 200 } }, { signal })).items,
    refetchInterval: ({ state }) => {
      const isBuilding = state.data?.some(({ versions }) => versions.some(({ build }) => build !== null))
      return isBuilding ? pollMs.waiting : pollMs.calm
    },
  })
}

/** What can be picked, for an image or for any; the list before stays until the new one is there. */
export function useOffers(image: string | null) {
  const { project } = useSession()
  return useQuery({
    queryKey: keys.offers(project.id, image),
    queryFn: ({ signal }) =>
      api.listOffers({ params: { project: project.id }, query: image === null ? {} : { image } }, { signal }),
    refetchInterval: pollMs.money,
    placeholderData: keepPreviousData,
  })
}

/** What a period cost; the one before stays until the new one is there. */
export function useStatement(asked: { readonly from?: string; readonly to?: string }) {
  const { organization } = useSession()
  return useQuery({
    queryKey: keys.statement(organization.id, asked.from ?? '', asked.to ?? ''),
    queryFn: ({ signal }) =>
      api.getStatement({ params: { organization: organization.id }, query: asked }, { signal }),
    refetchInterval: pollMs.calm,
    placeholderData: keepPreviousData,
  })
}

export function useVolumes() {
  const { project } = useSession()
  return useList(
    keys.volumes(project.id),
    (query, signal) => api.listVolumes({ params: { project: project.id }, query }, { signal }),
    { everyMs: pollMs.calm },
  )
}

/** What the balance was last asked for with, of each instance and run. */
const told = new Map<string, string>()
let balanceTimer: ReturnType<typeof setTimeout> | undefined
/** A stream begins with everything there is: all of it is one reason to ask, not one each. */
const balancePauseMs = 200

/**
 * Burn and runway, and what homes there are, follow from what runs: they are asked for again when something
 * is new or in another state.
 */
function keepBalance(client: QueryClient, { id, state, cost }: Instance | Run): void {
  const now = `${state} ${cost.isPaying} ${cost.nanosPerHour} ${cost.storageNanosPerHour}`
  if (told.get(id) === now) return
  told.set(id, now)
  clearTimeout(balanceTimer)
  balanceTimer = setTimeout(() => {
    void client.invalidateQueries({ queryKey: ['balance'] })
    void client.invalidateQueries({ queryKey: ['volumes'] })
  }, balancePauseMs)
}

/** Puts an instance as it is now wherever it is shown. */
export function keepInstance(client: QueryClient, instance: Instance): void {
  serverClock.hear(instance.cost.asOf)
  keepBalance(client, instance)
  client.setQueryData(keys.instance(instance.id), instance)
  client.setQueryData<InfiniteData<Page<Instance>>>(
    keys.instances(instance.project),
    // `withItem` gives back what it was given, one item apart.
    (list) => list && (withItem(list, instance) as typeof list),
  )
}

/** The same for a run. */
export function keepRun(client: QueryClient, run: Run): void {
  serverClock.hear(run.cost.asOf)
  keepBalance(client, run)
  client.setQueryData(keys.run(run.id), run)
  client.setQueryData<InfiniteData<Page<Run>>>(
    keys.runs(run.project),
    // `withItem` gives back what it was given, one item apart.
    (list) => list && (withItem(list, run) as typeof list),
  )
}
