import { createServer } from 'node:net'
import type { Clock } from '../kernel/clock.ts'
import { AppError } from '../kernel/errors.ts'
import type { Config } from './config.ts'

/** After a kill of `main` its roles end by themselves, but not within the same instant. */
const waitMs = 2_000

const doors = [
  { field: 'port', variable: 'GPUHOUR_PORT', what: 'the console' },
  { field: 'appsPort', variable: 'GPUHOUR_APPS_PORT', what: 'the apps' },
  { field: 'sshPort', variable: 'GPUHOUR_SSH_PORT', what: 'SSH' },
] as const

/** Binds and lets go again; the port that was bound, or the error's code. */
function tryPort(host: string, port: number): Promise<number | string> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
    server.listen({ host, port, exclusive: true }, () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address ? address.port : port))
    })
  })
}

function sentence(code: string, door: (typeof doors)[number], host: string, port: number): string {
  const free = `free it or choose another: ${door.variable}=${port + 1000} npm start`
  if (code === 'EADDRINUSE') return `Port ${port}, for ${door.what}, is taken on ${host}: ${free}`
  if (code === 'EACCES') return `Port ${port}, for ${door.what}, needs root: ${free}`
  return `Cannot listen on ${host} (${code}), for ${door.what}: correct GPUHOUR_HOST.`
}

/**
 * The configuration with every port concrete. Refuses where one is taken, before anything was started. Free
 * ports (0) are chosen here and not by the roles, so that a role that is started again has its old one.
 */
export async function claimPorts(config: Config, clock: Clock): Promise<Config> {
  const until = clock.monotonic() + waitMs
  const resolved = { ...config }
  for (const door of doors) {
    let outcome = await tryPort(config.host, config[door.field])
    while (outcome === 'EADDRINUSE' && clock.monotonic() < until) {
      await clock.sleep(50, AbortSignal.timeout(waitMs * 2))
      outcome = await tryPort(config.host, config[door.field])
    }
    if (typeof outcome === 'string')
      throw new AppError('conflict', sentence(outcome, door, config.host, config[door.field]))
    resolved[door.field] = outcome
  }
  const chosen = doors.map(({ field }) => resolved[field])
  if (new Set(chosen).size < chosen.length)
    throw new AppError(
      'invalid_request',
      `GPUHOUR_PORT, GPUHOUR_APPS_PORT and GPUHOUR_SSH_PORT must differ; they are ${chosen.join(', ')}.`,
    )
  return resolved
}
