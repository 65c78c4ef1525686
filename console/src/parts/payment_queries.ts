import { useQuery } from '@tanstack/react-query'
import { api, keys, pollMs } from './api.ts'
import { useList } from './queries.ts'
import { useSession } from './session.ts'
import { isOver } from './top_up.ts'

/** How money is added here: by card, or by an operator's grant alone. */
export function useWay() {
  const query = useQuery({
    queryKey: keys.platform,
    queryFn: ({ signal }) => api.getPlatform({}, { signal }),
    staleTime: Infinity,
  })
  return query.data?.payments
}

/** Payments of the organization, newest first. */
export function usePayments() {
  const { organization } = useSession()
  return useList(
    keys.payments(organization.id),
    (query, signal) => api.listPayments({ params: { organization: organization.id }, query }, { signal }),
    { everyMs: pollMs.money },
  )
}

/** Whoever has just paid looks at a page that waits. */
const waitingMs = 2_000

/** One payment; asked for often while it may arrive. */
export function usePayment(id: string) {
  return useQuery({
    queryKey: keys.payment(id),
    queryFn: ({ signal }) => api.getPayment({ params: { payment: id } }, { signal }),
    refetchInterval: ({ state }) => (state.data && isOver(state.data.state) ? pollMs.calm : waitingMs),
  })
}
