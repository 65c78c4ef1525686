import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createAdaptorServer } from '@hono/node-server'
import { systemClock } from '../kernel/clock.ts'
import type { TestApi } from './testing.ts'

const entry = fileURLToPath(new URL('../../../cli/src/gpuhour.ts', import.meta.url))

/** What a command line came to. */
export interface Ran {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

/** A command line that is under way. */
export interface Running {
  readonly child: ChildProcess
  readonly ended: Promise<Ran>
  /** Resolves once it has said this on stderr. */
  said(text: string): Promise<void>
}

/** The CLI, each command in a process of its own, on the app of a test that listens on a real port. */
export interface TestCli {
  /** A home without anything in it. */
  readonly home: string
  /** Where the app answers. */
  url(): string
  /** As the operator. */
  gpuhour(...args: string[]): Promise<Ran>
  /** With this secret, or as nobody. */
  start(args: readonly string[], secret: string | null): Running
  /** Ends the app's server as a kill -9 looks from outside. */
  lose(): Promise<void>
  /** Has the app answer again, where it did before. */
  serve(): Promise<void>
  close(): Promise<void>
}

/** Opens it. */
export async function openCli(api: TestApi): Promise<TestCli> {
  const home = await mkdtemp(join(tmpdir(), 'gpuhour-cli-'))
  let port = 0
  const listen = async (): Promise<Server> => {
    const fetch = (request: Request): Promise<Response> => api.app.fetch(request)
    const server = createAdaptorServer({ fetch, createServer }) as Server // what `createServer` makes
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
    const address = server.address()
    port = typeof address === 'object' && address ? address.port : 0
    return server
  }
  let server = await listen()
  const start = (args: readonly string[], secret: string | null): Running => {
    const key = secret === null ? {} : { GPUHOUR_API_KEY: secret }
    const env = { PATH: process.env['PATH'], HOME: home, GPUHOUR_URL: `http://127.0.0.1:${port}`, ...key }
    const child = spawn(process.execPath, [entry, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] })
    const ran = { out: '', err: '' }
    child.stdout.on('data', (chunk) => void (ran.out += String(chunk)))
    child.stderr.on('data', (chunk) => void (ran.err += String(chunk)))
    return {
      child,
      ended: new Promise<Ran>((resolve) => child.once('close', (code) => resolve({ code, ...ran }))),
      async said(text) {
        while (!ran.err.includes(text)) await systemClock.sleep(20, AbortSignal.timeout(60_000))
      },
    }
  }
  const lose = (): Promise<void> => {
    server.closeAllConnections()
    return new Promise((resolve) => server.close(() => resolve()))
  }
  return {
    home,
    url: () => `http://127.0.0.1:${port}`,
    gpuhour: (...args) => start(args, api.operatorSecret).ended,
    start,
    lose,
    async serve() {
      server = await listen()
    },
    async close() {
      await lose()
      await rm(home, { recursive: true })
    },
  }
}
