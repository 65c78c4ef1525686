import assert from 'node:assert/strict'
import { type ClientRequest, request } from 'node:http'
import { createInterface } from 'node:readline'
import { z } from 'zod'
import { dockerSocketOf, loadConfig } from '../../server/src/main/config.ts'
import { until } from './until.ts'

// What Docker itself says of a platform's containers, asked beside the platform and never through it.

const containerSchema = z.object({
  Id: z.string(),
  Config: z.object({ Labels: z.record(z.string(), z.string()) }),
  State: z.object({
    Status: z.string(),
    Pid: z.number(),
    StartedAt: z.string(),
    FinishedAt: z.string(),
    ExitCode: z.number(),
  }),
  NetworkSettings: z.object({ Networks: z.record(z.string(), z.object({ IPAddress: z.string() })) }),
})

/** One container as the engine has it. */
export interface EngineRecord {
  readonly id: string
  readonly allocation: string
  /** The run or the instance. */
  readonly subject: string
  readonly status: string
  readonly startedAt: string
  readonly finishedAt: string
  readonly exitCode: number
  /** On its networks. */
  readonly addresses: readonly string[]
}

/** The engine that the platforms of this machine use. */
const socket = (): string => dockerSocketOf(loadConfig())

function ask(path: string, method = 'GET'): Promise<{ readonly status: number; readonly body: unknown }> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath: socket(), path, method, timeout: 30_000 }, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (part: string) => (text += part))
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, body: text === '' ? null : JSON.parse(text) }),
      )
    })
    asked.on('timeout', () => asked.destroy(new Error('the engine is silent')))
    asked.on('error', reject)
    asked.end()
  })
}

function filtersOf(installation: string): string {
  return encodeURIComponent(JSON.stringify({ label: [`gpuhour.platform=${installation}`] }))
}

async function inspect(id: string): Promise<EngineRecord | null> {
  const { status, body } = await ask(`/containers/${id}/json`)
  if (status !== 200) return null
  const { Id, Config, State, NetworkSettings } = containerSchema.parse(body)
  const {
    'gpuhour.allocation': allocation = '',
    'gpuhour.run': run,
    'gpuhour.instance': instance,
  } = Config.Labels
  return {
    id: Id,
    allocation,
    subject: run ?? instance ?? '',
    status: State.Status,
    startedAt: State.StartedAt,
    finishedAt: State.FinishedAt,
    exitCode: State.ExitCode,
    addresses: Object.values(NetworkSettings.Networks).map(({ IPAddress }) => IPAddress),
  }
}

const listSchema = z.array(z.object({ Id: z.string() }))

/** The platform's containers and networks that the engine has, as paths of its API. */
export async function thingsOf(installation: string): Promise<readonly string[]> {
  const filters = filtersOf(installation)
  const containers = listSchema.parse((await ask(`/containers/json?all=1&filters=${filters}`)).body)
  const networks = listSchema.parse((await ask(`/networks?filters=${filters}`)).body)
  return [...containers.map(({ Id }) => `/containers/${Id}`), ...networks.map(({ Id }) => `/networks/${Id}`)]
}

/** For after a test that failed: the machine must not keep what nobody will remove any more. */
export async function removeThings(installation: string): Promise<void> {
  for (const path of await thingsOf(installation)) await ask(`${path}?force=1`, 'DELETE')
}

/** The containers of a subject that there are now. */
export async function containersOf(installation: string, subject: string): Promise<readonly EngineRecord[]> {
  const path = `/containers/json?all=1&filters=${filtersOf(installation)}`
  const listed = listSchema.parse((await ask(path)).body)
  const all = await Promise.all(listed.map(({ Id }) => inspect(Id)))
  return all.filter((one) => one !== null).filter((one) => one.subject === subject)
}

const eventSchema = z.object({
  Action: z.string(),
  Actor: z.object({ ID: z.string(), Attributes: z.record(z.string(), z.string()) }),
})

/** Docker's own account of a platform's containers, kept from its events while they come and go. */
export class EngineWatch {
  readonly #started = new Map<string, EngineRecord>()
  readonly #ended = new Map<string, EngineRecord>()
  readonly #starts: string[] = []
  readonly #asked: ClientRequest

  private constructor(asked: ClientRequest) {
    this.#asked = asked
  }

  static async of(installation: string): Promise<EngineWatch> {
    const kinds = JSON.stringify({
      type: ['container'],
      label: [`gpuhour.platform=${installation}`],
      event: ['start', 'die'],
    })
    const asked = request({ socketPath: socket(), path: `/events?filters=${encodeURIComponent(kinds)}` })
    const watch = new EngineWatch(asked)
    asked.end()
    await new Promise<void>((resolve, reject) => {
      asked.once('error', reject)
      asked.once('response', (response) => {
        const lines = createInterface({ input: response })
        lines.on('line', (line) => void watch.#note(line))
        // Ours is the end that closes it.
        for (const stream of [response, lines]) stream.on('error', () => {})
        resolve()
      })
    })
    asked.on('error', () => {})
    return watch
  }

  async #note(line: string): Promise<void> {
    const { Action, Actor } = eventSchema.parse(JSON.parse(line))
    if (Action === 'start') this.#starts.push(Actor.Attributes['gpuhour.allocation'] ?? '')
    const record = await inspect(Actor.ID).catch(() => null)
    if (record) (Action === 'start' ? this.#started : this.#ended).set(record.allocation, record)
  }

  /** How often a container of the allocation was started. */
  startsOf(allocation: string): number {
    return this.#starts.filter((one) => one === allocation).length
  }

  /** What the engine said when it had started the subject's container. */
  started(subject: string): EngineRecord | null {
    return [...this.#started.values()].findLast((one) => one.subject === subject) ?? null
  }

  /** What the engine said when the allocation's container had ended. */
  async ended(allocation: string): Promise<EngineRecord> {
    return until(`the engine's word on the end of ${allocation}`, () => this.#ended.get(allocation) ?? null, {
      withinMs: 5_000,
    })
  }

  close(): void {
    this.#asked.destroy()
  }
}

/** From the command's start to its exit, by the engine's clock, in ms with their fraction. */
export function engineMillis({ startedAt, finishedAt }: EngineRecord): number {
  return millisOf(finishedAt) - millisOf(startedAt)
}

/** Docker writes nanoseconds, of which a Date keeps only whole milliseconds. */
function millisOf(text: string): number {
  const match = /^(.*T\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d)$/.exec(text)
  assert.ok(match, `no time of Docker's: ${text}`)
  return Date.parse(`${match[1]}${match[3]}`) + Number(match[2] ?? 0) * 1000
}
