import { useQueryClient } from '@tanstack/react-query'
import { type StreamState, useFollow } from './follow.ts'
import { keepInstance, keepRun } from './queries.ts'
import { useSession } from './session.ts'

/** Keeps every instance and run of the project as it is now. */
export function useProjectStream(): StreamState {
  const client = useQueryClient()
  const { project } = useSession()
  return useFollow(
    `project ${project.id}`,
    (follower, options) => follower.followProject({ params: { project: project.id } }, options),
    (event) => {
      if (event.event === 'instance') keepInstance(client, event.data)
      else keepRun(client, event.data)
    },
  )
}
