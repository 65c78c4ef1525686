import type { ReactNode } from 'react'
import { PageHead } from '../ui/page_head.tsx'
import { Problem } from './problem.tsx'

/** What all queries of a page have in common. */
export interface Asked<T> {
  readonly data: T | undefined
  readonly error: unknown
  readonly refetch: () => unknown
}

interface ShownProps<T> {
  readonly query: Asked<T>
  readonly skeleton: ReactNode
  /** Errors stand in a padded box where the rest reaches the edges. */
  readonly isFlush?: boolean
  /** The page's name where the page has none until there is an answer. */
  readonly head?: string
  readonly children: (data: T) => ReactNode
}

/** The states of a screen: loading, error, and what there is. Old truth stays while a new question fails. */
export function Shown<T>({ query, skeleton, isFlush = false, head, children }: ShownProps<T>) {
  if (query.data !== undefined) return children(query.data)
  if (query.error)
    return (
      <div style={isFlush ? { padding: '8px 16px 16px' } : {}}>
        {head === undefined ? null : <PageHead title={head} />}
        <Problem error={query.error} retry={query.refetch} />
      </div>
    )
  return skeleton
}
