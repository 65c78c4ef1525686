import { gatewayHostKey } from '../identity/doors.ts'
import type { Clock } from '../kernel/clock.ts'
import { messageOf } from '../kernel/errors.ts'
import type { Id, Ids, InstanceId } from '../kernel/ids.ts'
import type { Store } from '../store/store.ts'
import { touchSshKey } from '../tenancy/tenancy.ts'
import { type Activity, openActivities } from './activity.ts'
import { openConnections } from './connections.ts'
import { openHttpDoor } from './http.ts'
import { type GatewayLog, openRoutes } from './routes.ts'
import { openSshDoor } from './ssh.ts'

/** What the gateway needs; `main` has it from the configuration. */
export interface GatewayOptions {
  /** The address that both doors listen on. */
  readonly host: string
  /** TCP ports; 0 is a free one. */
  readonly appsPort: number
  readonly sshPort: number
  readonly domain: string
  /** Where the console is: `http://localhost:7070`. */
  readonly consoleUrl: string
  readonly store: Store
  readonly clock: Clock
  readonly ids: Ids
  readonly log: GatewayLog
}

/** Both doors, open. */
export interface Gateway {
  readonly appsPort: number
  readonly sshPort: number
  /** OpenSSH public key of the SSH door. */
  readonly hostKey: string
  /** What passed the doors since the start, for the idle verdict. */
  activity(): ReadonlyMap<InstanceId, Activity>
  /** Reads everything again; resolves when it is read. */
  refresh(): Promise<void>
  /** Closes both doors and everything that is open. */
  close(): Promise<void>
}

/**
 * Opens both doors; resolves when they listen. Waits for the database, without which it knows no instance;
 * once open it does without for ten minutes. Rejects where a port is taken.
 */
export async function openGateway(options: GatewayOptions, signal: AbortSignal): Promise<Gateway> {
  const { store, clock, ids, log, host, domain, consoleUrl } = options
  const routes = await openRoutes({ store, clock, log }, signal)
  const closing: (() => Promise<void> | void)[] = [() => routes.close()]
  const close = async (): Promise<void> => {
    for (const part of closing.toReversed()) await part()
  }
  try {
    const hostKey = await store.transact((tx) => gatewayHostKey(tx))
    const activities = openActivities(clock)
    const connections = openConnections(routes)
    closing.push(() => connections.close())
    const scheme = consoleUrl.startsWith('https:') ? 'https' : 'http'
    const shared = { routes, activities, connections, clock, log, host, ids, store }
    const http = await openHttpDoor({
      ...shared,
      port: options.appsPort,
      domain,
      scheme,
      consoleUrl,
    })
    closing.push(() => http.close())
    const onUse = ({ id }: { readonly id: Id<'sshKey'> }): void => {
      store
        .transact((tx) => touchSshKey(tx, id))
        .catch((error: unknown) =>
          log.warn({ key: id, cause: messageOf(error) }, 'the use of a key was not noted'),
        )
    }
    const ssh = await openSshDoor({ ...shared, port: options.sshPort, hostKey, onUse })
    closing.push(() => ssh.close())
    return {
      appsPort: http.port,
      sshPort: ssh.port,
      hostKey: hostKey.publicKey,
      activity: () => activities.activity(),
      refresh: () => routes.refresh(),
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}
