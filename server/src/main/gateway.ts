import { aborted, type RoleContext, type RunningRole } from './context.ts'

/** Starts the role `gateway`; resolves when it is ready. */
export async function startGateway(context: RoleContext): Promise<RunningRole> {
  await context.store.ping()
  return { ended: aborted(context.signal) }
}
