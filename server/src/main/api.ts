import { join } from 'node:path'
import { createAdaptorServer } from '@hono/node-server'
import { createApp } from '../api/app.ts'
import { openNudges } from '../api/nudges.ts'
import { openSessions } from '../identity/sessions.ts'
import { AppError, invariant } from '../kernel/errors.ts'
import { DiskStore } from '../objects/disk.ts'
import { describe, webhookPolicyOf } from './config.ts'
import { aborted, type RoleContext, type RunningRole } from './context.ts'
import { paymentsOf } from './payments.ts'

/** A request that is still being answered when the role ends gets this long, in ms. */
const lastAnswersMs = 3_000

/** How slowly headers and bodies may come in, in ms: a person's worst line, not an attacker's best. */
const headersTimeout = 10_000
const requestTimeout = 30_000

type HttpServer = ReturnType<typeof createAdaptorServer>

function listening(server: HttpServer, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => {
      const isTaken = 'code' in error && error.code === 'EADDRINUSE'
      reject(
        isTaken
          ? new AppError('unavailable', `Port ${port} on ${host} is taken. Set GPUHOUR_PORT to another one.`)
          : error,
      )
    })
    server.listen(port, host, resolve)
  })
}

function closed(server: HttpServer): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()))
}

/** Starts the role `api`; resolves when it answers on its port. */
export async function startApi(context: RoleContext): Promise<RunningRole> {
  const { config, log, store, clock, signal, platform, consoleDir } = context
  invariant(config.databaseUrl, 'main names the database before it starts a role')
  await store.ping()
  const nudges = await openNudges(store, clock)
  const sessions = openSessions({
    databaseUrl: config.databaseUrl,
    store,
    origins: [platform.console, platform.api],
    secret: platform.operatorSecret,
    onError: (message, detail) => log.warn({ detail }, message),
  })
  const app = createApp({
    store,
    objects: new DiskStore(join(config.dataDir, 'objects'), clock),
    clock,
    log,
    sessions,
    nudges,
    payments: paymentsOf(config),
    doors: { apps: { scheme: 'http', ...platform.apps }, ssh: platform.ssh },
    consoleUrl: platform.console,
    dataDir: config.dataDir,
    consoleDir,
    version: platform.version,
    installation: platform.installation,
    webhookPolicy: webhookPolicyOf(config),
    runtime: config.runtime,
    region: config.region,
    configuration: describe(config).map(({ variable: name, value, meaning }) => ({ name, value, meaning })),
    signal,
  })
  const serverOptions = { headersTimeout, requestTimeout }
  const server = createAdaptorServer({
    fetch: (request, env) => app.fetch(request, env),
    serverOptions,
  })
  await listening(server, config.host, config.port)
  const ended = aborted(signal).then(async () => {
    const done = closed(server)
    await Promise.race([done, clock.sleep(lastAnswersMs, new AbortController().signal)])
    if ('closeAllConnections' in server) server.closeAllConnections()
    await done
    await nudges.close()
    await sessions.close()
  })
  return { ended }
}
