import { useQueryClient } from '@tanstack/react-query'
import { useRef } from 'react'
import { keys } from './api.ts'
import { type StreamState, useFollow } from './follow.ts'
import { keepInstance, keepRun } from './queries.ts'
import { useSession } from './session.ts'

/** Keeps every instance and run of the project as it is now, and the balance when one began or ended. */
export function useProjectStream(): StreamState {
  const client = useQueryClient()
  const { organization, project } = useSession()
  const paying = useRef(new Map<string, boolean>())
  return useFollow(
    `project ${project.id}`,
    (follower, options) => follower.followProject({ params: { project: project.id } }, options),
    (event) => {
      if (event.event === 'instance') keepInstance(client, event.data)
      else keepRun(client, event.data)
      const { id, cost } = event.data
      const before = paying.current.get(id)
      paying.current.set(id, cost.isPaying)
      if (before !== undefined && before !== cost.isPaying)
        void client.invalidateQueries({ queryKey: keys.balance(organization.id) })
    },
  )
}
