import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** What a platform that stands in for one answers: an event stream where it is a list of steps. */
export type Answer =
  | { readonly status?: number; readonly json: unknown }
  | { readonly stream: readonly Step[] }

/** An event of a stream, so many ms after the one before. */
export interface Step {
  readonly afterMs?: number
  readonly event: string
  readonly data: unknown
}

/** By method and path, such as `POST /v1/runs/run_a/cancel`; `*` is any
 * instance; what is not there is answered by 404. */
export type Answers = Readonly<Record<string, Answer | (() => Answer)>>

/** What a command line came to. */
export interface Ran {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

/** A platform that stands in for one, and the CLI on it. */
export interface StandIn {
  /** Runs the CLI the way a script does; nobody can be asked. */
  gpuhour(...args: string[]): Promise<Ran>
  /** The same, with Ctrl-C once it has said this on stderr. */
  interrupted(text: string, ...args: string[]): Promise<Ran>
  /** Every request so far that changes something. */
  readonly changes: readonly string[]
  close(): Promise<void>
}

/** The only project of the only organization. */
const me = {
  organizations: [{ id: 'org_a', name: 'acme', role: 'owner', currency: 'USD' }],
  projects: [{ id: 'prj_a', name: 'demo', organization: 'org_a' }],
}

/** A refusal's document. */
const problem = (status: number, code: string, detail: string): object => ({
  ...{ type: 'about:blank', title: code, status, code, detail },
  ...{ requestId: 'req_a', retryable: false, errors: [] },
})

/** A refusal as the platform words one. */
export function refusal(status: number, code: string, detail: string): Answer {
  return { status, json: problem(status, code, detail) }
}

async function reply(response: ServerResponse, answer: Answer): Promise<void> {
  if ('json' in answer) {
    const status = answer.status ?? 200
    const type = status < 400 ? 'application/json' : 'application/problem+json'
    response.writeHead(status, { 'content-type': type }).end(JSON.stringify(answer.json))
    return
  }
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  for (const { afterMs, event, data } of answer.stream) {
    if (afterMs !== undefined) await new Promise((resolve) => setTimeout(resolve, afterMs))
    response.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`)
  }
  // It stays open: the CLI hangs up when it has seen enough.
}

/** Runs the CLI with this environment beside PATH and a home of its own. */
function runCli(
  args: readonly string[],
  environment: Record<string, string>,
  interruptAfter?: string,
): Promise<Ran> {
  const entry = fileURLToPath(new URL('gpuhour.ts', import.meta.url))
  const env = { PATH: process.env['PATH'], GPUHOUR_API_KEY: 'gph_x', ...environment }
  const child = spawn(process.execPath, [entry, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  const ran = { out: '', err: '' }
  child.stdout.on('data', (chunk) => void (ran.out += String(chunk)))
  let isInterrupted = interruptAfter === undefined
  child.stderr.on('data', (chunk) => {
    ran.err += String(chunk)
    if (isInterrupted || !ran.err.includes(interruptAfter ?? '')) return
    isInterrupted = true
    child.kill('SIGINT')
  })
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, ...ran })))
}

/** Opens a platform that gives these answers, on a port of its own. */
export async function openStandIn(answers: Answers): Promise<StandIn> {
  const home = mkdtempSync(join(tmpdir(), 'gpuhour-cli-'))
  const all: Answers = { 'GET /v1/me': { json: me }, ...answers }
  const changes: string[] = []
  const answerTo = ({ method, url = '' }: IncomingMessage): Answer => {
    const asked = `${method} ${url}`
    if (method !== 'GET') changes.push(asked)
    const path = asked.replace(/\?.*$/, '')
    const found = all[asked] ?? all[path] ?? all[path.replace(/(?<=instances\/)\w+/, '*')]
    return (typeof found === 'function' ? found() : found) ?? refusal(404, 'not_found', `No ${asked}.`)
  }
  const server = createServer((request, response) => void reply(response, answerTo(request)))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' && address ? address.port : 0
  const environment = { HOME: home, GPUHOUR_URL: `http://127.0.0.1:${port}` }
  return {
    gpuhour: (...args) => runCli(args, environment),
    interrupted: (text, ...args) => runCli(args, environment, text),
    changes,
    close: () => {
      rmSync(home, { recursive: true })
      server.closeAllConnections()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}

/** What a moment on one vCPU cost. */
export const paidCost = {
  ...{ currency: 'USD', asOf: '2026-11-23T00:00:00.000Z', isPaying: false, nanosPerHour: '600000000' },
  ...{ storageNanosPerHour: '0', amountNanos: '22384', allocationNanos: '22384', paidMillis: '134' },
  ...{ gpuHours: '0', cpuHours: '0.000037', leaseUntil: null },
}

/** A run as the platform tells of it, as far as the CLI looks. */
export function runOf(name: string, state: string, rest: object = {}): object {
  const endedAt = ['succeeded', 'failed', 'canceled'].includes(state) ? '2026-11-23T00:00:00.000Z' : null
  return {
    ...{ id: `run_${name}`, project: 'prj_a', name, image: 'base:1', flavor: 'cpu.1x2', cpus: 1, gpu: null },
    ...{
      command: ['true'],
      volume: null,
      state,
      waiting: null,
      ending: null,
      allocation: null,
      cost: paidCost,
    },
    ...{ isLogComplete: true, createdAt: '2026-11-23T00:00:00.000Z', endedAt },
    ...rest,
  }
}

/** An instance, likewise. */
export function instanceOf(name: string, state: string, rest: object = {}): object {
  return {
    ...{
      id: `ins_${name}`,
      project: 'prj_a',
      name,
      image: 'base:1',
      flavor: 'cpu.1x2',
      state,
      intent: state,
    },
    ...{
      home: { volume: 'vol_a', name: `${name}-home`, sizeGib: 20 },
      waiting: null,
      ending: null,
      cost: paidCost,
    },
    ...{ requestedAt: null, allocation: null, doors: [], changedAt: '2026-11-23T00:00:00.000Z' },
    ...{ ssh: { host: 'localhost', port: 2222, user: `ins_${name}` } },
    ...rest,
  }
}

/** One page with everything on it. */
export function pageOf(...items: readonly object[]): Answer {
  return { json: { items, next: null } }
}
