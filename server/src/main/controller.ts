import { aborted, type RoleContext, type RunningRole } from './context.ts'

/** Starts the role `controller`; resolves when it is ready. */
export async function startController(context: RoleContext): Promise<RunningRole> {
  await context.store.ping()
  return { ended: aborted(context.signal) }
}
