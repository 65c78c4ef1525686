import { type Gateway, openGateway } from '../gateway/gateway.ts'
import { aborted, type RoleContext, type RunningRole } from './context.ts'

/** The running role, with what it knows of its doors. */
export interface RunningGateway extends RunningRole, Omit<Gateway, 'close'> {}

/** Starts the role `gateway`; resolves when both doors listen. */
export async function startGateway(context: RoleContext): Promise<RunningGateway> {
  const { config, platform, store, clock, ids, log, signal } = context
  const { close, ...doors } = await openGateway(
    {
      host: config.host,
      appsPort: config.appsPort,
      sshPort: config.sshPort,
      domain: config.domain,
      consoleUrl: platform.console,
      store,
      clock,
      ids,
      log,
    },
    signal,
  )
  return { ...doors, ended: aborted(signal).then(close) }
}
