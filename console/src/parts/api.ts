import { ApiError, createClient } from '@gpuhour/sdk/client'
import { QueryClient } from '@tanstack/react-query'

/** Told when the session is over; set by whoever can lead to the sign-in page. */
export const onSignedOut: { current: () => void } = { current: () => {} }

/** Whatever is asked, by a page, a button or a stream: the first answer that says so leads to signing in. */
export async function fetchSignedIn(request: Request): Promise<Response> {
  const response = await fetch(request)
  if (response.status === 401) onSignedOut.current()
  return response
}

/** The platform, on the console's own host: the session cookie goes along by itself. */
export const api = createClient({ baseUrl: '', fetch: fetchSignedIn })

/** What is stored under it tells a browser's other tabs, which share the session, when it was ended. */
export const signedOutKey = 'gpuhour.signed-out'

export function isSignedOut(error: unknown): boolean {
  return error instanceof ApiError && error.code === 'unauthenticated'
}

/** How often what moves is asked for again where no stream tells of it. */
export const pollMs = { money: 15_000, waiting: 4_000, calm: 30_000 } as const

/** Everything that was read, so that a page that was seen before is there at once. */
export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 4_000,
      retry: (failures, error) => error instanceof ApiError && error.retryable && failures < 2,
    },
    // Whoever makes something brings its id, so asking twice is harmless; but a person should decide to.
    mutations: { retry: false },
  },
})

/** Where each answer is kept; the first word is what a change of that kind makes stale. */
export const keys = {
  me: ['me'],
  platform: ['platform'],
  balance: (organization: string) => ['balance', organization],
  instances: (project: string) => ['instances', project],
  instance: (id: string) => ['instance', id],
  runs: (project: string) => ['runs', project],
  run: (id: string) => ['run', id],
  images: ['images'],
  builds: ['builds'],
  offers: (project: string, image: string | null) => ['offers', project, image],
  volumes: (project: string) => ['volumes', project],
  statement: (organization: string, from: string, to: string) => ['statement', organization, from, to],
  charges: (organization: string, resource: string | null) => ['charges', organization, resource],
  budgets: (organization: string) => ['budgets', organization],
  lots: (organization: string) => ['lots', organization],
  usage: (organization: string) => ['usage', organization],
  invoices: (organization: string) => ['invoices', organization],
  invoice: (name: string) => ['invoice', name],
  billingDetails: (organization: string) => ['billing-details', organization],
  seller: ['seller'],
  sshKeys: ['ssh-keys'],
  apiKeys: ['api-keys'],
  payments: (organization: string) => ['payments', organization],
  payment: (id: string) => ['payment', id],
  paymentTroubles: ['payment-troubles'],
  promoCodes: ['promo-codes'],
  doctor: ['doctor'],
  nodeAllocations: (node: string) => ['node-allocations', node],
} as const
