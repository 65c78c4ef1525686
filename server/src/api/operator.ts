import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Doctor } from '@gpuhour/sdk/contract'
import { z } from 'zod'
import * as compute from '../compute/compute.ts'
import { gatewayHostKeys } from '../identity/doors.ts'
import { type Instant, instant, minuteMs } from '../kernel/time.ts'
import * as placement from '../placement/placement.ts'
import { require } from './access.ts'
import { type Handlers, ok } from './calls.ts'
import type { ApiParts } from './parts.ts'
import { shown } from './views.rules.ts'

/** A node that has not answered for so long is silent: the observer asks every second. */
export const nodeSilenceMs = minuteMs

/** The controller writes its health every two seconds; after so long it is not running. */
const controllerSilenceMs = 15_000

/** What each promise means, and what to do where it is not kept. */
const promisesGuide = 'docs/guides/what-a-machine-can-promise.md'

/** Newest anomalies that are shown. */
const anomaliesShown = 20

const healthSchema = z.object({
  at: z.number(),
  loops: z.array(
    z.object({
      name: z.string(),
      passes: z.number(),
      failures: z.number(),
      lastReport: z.record(z.string(), z.unknown()).nullable(),
      lastError: z.string().nullable(),
    }),
  ),
})

type Health = z.infer<typeof healthSchema>

/** What the controller last said of its loops; null where it never did. */
async function loopHealth(dataDir: string): Promise<Health | null> {
  const text = await readFile(join(dataDir, 'loops.json'), 'utf8').catch(() => null)
  const parsed = text === null ? null : healthSchema.safeParse(JSON.parse(text))
  return parsed?.success ? parsed.data : null
}

function countsOf(loop: Health['loops'][number]): Record<string, number> {
  const report = Object.entries(loop.lastReport ?? {}).filter(
    (entry): entry is [string, number] => typeof entry[1] === 'number' && Number.isInteger(entry[1]),
  )
  return { passes: loop.passes, failures: loop.failures, ...Object.fromEntries(report) }
}

type Check = Doctor['checks'][number]

function checksOf(
  nodes: readonly placement.NodeRow[],
  health: Health | null,
  anomalies: number,
  now: Instant,
): Check[] {
  const silent = nodes.filter(({ seenAt }) => now - seenAt > nodeSilenceMs).map(({ name }) => name)
  const failing = health?.loops.filter(({ lastError }) => lastError !== null).map(({ name }) => name) ?? []
  const isControlled = health !== null && now - health.at < controllerSilenceMs
  const missing = nodes.flatMap((node) => node.missing.map((what) => `${node.name}: ${what}`))
  const check = (name: string, isWell: boolean, found: string, todo: string): Check => ({
    name,
    ok: isWell,
    found,
    todo: isWell ? null : todo,
  })
  const nodesFound =
    nodes.length === 0 ? 'none registered' : `${nodes.length - silent.length} of ${nodes.length} answer`
  return [
    check('database', true, 'answers', ''),
    check(
      'controller',
      isControlled,
      isControlled ? 'running' : 'silent',
      'Is it running? Read log/controller.jsonl.',
    ),
    check(
      'nodes',
      nodes.length > 0 && silent.length === 0,
      nodesFound,
      silent.length > 0
        ? `Look at ${silent.join(', ')}: is the engine running?`
        : 'Is Docker Engine running?',
    ),
    check(
      'promises',
      missing.length === 0,
      missing.length === 0 ? 'all kept' : missing.join('; '),
      `See ${promisesGuide}.`,
    ),
    check(
      'loops',
      failing.length === 0,
      failing.length === 0 ? 'all pass' : failing.join(', '),
      'Read their errors below.',
    ),
    check(
      'anomalies',
      anomalies === 0,
      anomalies === 0 ? 'none' : `${anomalies} recorded`,
      'Each is a bug: report it.',
    ),
  ]
}

function nodeView(
  node: placement.NodeRow,
  devices: Doctor['nodes'][number]['devices'],
): Doctor['nodes'][number] {
  const { id, name, driver, status, cpus, memoryGib, diskGib, gpuDriver, cudaDriver, missing } = node
  return {
    id,
    name,
    driver,
    status,
    cpus,
    memoryGib,
    diskGib,
    devices,
    gpuDriver,
    cudaDriver,
    missing: [...missing],
    seenAt: shown(node.seenAt),
  }
}

function doctorHandler({ store, dataDir, version, configuration }: ApiParts): Handlers['getDoctor'] {
  return async ({ principal }) => {
    require(principal, 'operate', { kind: 'platform' }, 'platform', '')
    const health = await loopHealth(dataDir)
    return ok(
      await store.read(async (tx): Promise<Doctor> => {
        const now = await tx.now()
        const nodes = await placement.allNodes(tx)
        const devices = await placement.allDevices(tx)
        const anomalies = await compute.anomalies(tx, anomaliesShown)
        const checks = checksOf(nodes, health, anomalies.length, now)
        const lastPassAt = health ? shown(instant(health.at)) : null
        return {
          version,
          asOf: shown(now),
          verdict: checks.every((check) => check.ok) ? 'well' : 'attention',
          checks,
          configuration: configuration.map((line) => ({ ...line })),
          nodes: nodes.map((node) =>
            nodeView(
              node,
              devices
                .filter((device) => device.node === node.id)
                .map(({ id, model, memoryMib, healthy }) => ({ id, model, memoryMib, healthy })),
            ),
          ),
          loops:
            health?.loops.map((loop) => ({
              name: loop.name,
              lastPassAt,
              lastError: loop.lastError,
              counts: countsOf(loop),
            })) ?? [],
          anomalies: anomalies.map((one) => ({ ...one, at: shown(one.at) })),
        }
      }),
    )
  }
}

/** The platform itself: its doors for everybody, its state for the operator. */
export function operatorHandlers(parts: ApiParts): Pick<Handlers, 'getPlatform' | 'getDoctor'> {
  const { store, doors, version, runtime, consoleUrl } = parts
  return {
    getDoctor: doctorHandler(parts),

    getPlatform: async ({ principal }) => {
      require(principal, 'read', { kind: 'platform' }, 'platform', '')
      const hostKeys = await store.read(gatewayHostKeys)
      const { scheme, host: domain, port } = doors.apps
      return ok({
        version,
        runtime,
        consoleUrl,
        apps: { domain, port, scheme },
        ssh: { ...doors.ssh, hostKeys: [...hostKeys] },
      })
    },
  }
}
