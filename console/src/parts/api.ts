import { ApiError, createClient } from '@gpuhour/sdk/client'
import { QueryCache, QueryClient } from '@tanstack/react-query'

/** The platform, on the console's own host: the session cookie goes along by itself. */
export const api = createClient({ baseUrl: '' })

/** Told when the session is over; set by whoever can lead to the sign-in page. */
export const onSignedOut: { current: () => void } = { current: () => {} }

export function isSignedOut(error: unknown): boolean {
  return error instanceof ApiError && error.code === 'unauthenticated'
}

/** How often what moves is asked for again where no stream tells of it. */
export const pollMs = { money: 15_000, waiting: 4_000, calm: 30_000 } as const

/** Everything that was read, so that a page that was seen before is there at once. */
export const queryClient = new QueryClient({
  queryCache: new QueryCache({
    onError: (error) => {
      if (isSignedOut(error)) onSignedOut.current()
    },
  }),
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
  usage: (organization: string) => ['usage', organization],
  sshKeys: ['ssh-keys'],
  apiKeys: ['api-keys'],
  doctor: ['doctor'],
} as const
