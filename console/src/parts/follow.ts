import { type Client, createClient, type FollowOptions } from '@gpuhour/sdk/client'
import { useEffect, useRef, useState } from 'react'
import { fetchSignedIn } from './api.ts'

/** `lost`: it is being sought again. `over`: there is nothing more to come, or it may not be followed. */
export type StreamState = 'live' | 'lost' | 'over'

type Open<E> = (client: Client, options: FollowOptions) => AsyncIterable<E>

/**
 * Follows a stream while the component is there; another `key` is another stream, null is none. It resumes by
 * itself for as long as the page is open, and says meanwhile that it is lost.
 */
export function useFollow<E>(key: string | null, open: Open<E>, on: (event: E) => void): StreamState {
  const [told, setTold] = useState<{ of: string | null; state: StreamState }>({ of: key, state: 'live' })
  const latest = useRef({ open, on })
  useEffect(() => {
    latest.current = { open, on }
  })
  useEffect(() => {
    if (key === null) return
    const abort = new AbortController()
    const setState = (state: StreamState) => setTold({ of: key, state })
    const client = createClient({
      baseUrl: '',
      fetch: fetchSignedIn,
      onTrouble: (trouble) => setState(trouble === null ? 'live' : 'lost'),
    })
    const options = { signal: abort.signal, patienceMs: Number.POSITIVE_INFINITY }
    const follow = async () => {
      for await (const event of latest.current.open(client, options)) latest.current.on(event)
    }
    follow().then(
      () => setState('over'),
      () => {
        if (!abort.signal.aborted) setState('over')
      },
    )
    return () => abort.abort()
  }, [key])
  return told.of === key ? told.state : 'live'
}
