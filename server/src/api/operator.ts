import { type Doctor, paymentNanosMax, paymentNanosMin } from '@gpuhour/sdk/contract'
import { waiting } from '../billing/invoices.ts'
import type { InvoiceProblem } from '../billing/invoices.rules.ts'
import * as compute from '../compute/compute.ts'
import { gatewayHostKeys } from '../identity/doors.ts'
import { type Instant, instant } from '../kernel/time.ts'
import { isSilent } from '../placement/nodes.rules.ts'
import * as placement from '../placement/placement.ts'
import { require } from './access.ts'
import { type Handlers, ok } from './calls.ts'
import { type Health, isControlled, loopHealth } from './health.ts'
import { nodeViews } from './nodes.ts'
import type { ApiParts } from './parts.ts'
import { shown } from './views.rules.ts'

/** What each promise means, and what to do where it is not kept. */
const promisesGuide = 'docs/guides/what-a-machine-can-promise.md'

/** Newest anomalies that are shown. */
const anomaliesShown = 20

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
  waiting: readonly InvoiceProblem[],
  now: Instant,
): Check[] {
  // Of a fenced one it is known that it does not answer.
  const asked = nodes.filter(({ status }) => status !== 'fenced')
  const silent = asked.filter((node) => isSilent(node, now)).map(({ name }) => name)
  const failing = health?.loops.filter(({ lastError }) => lastError !== null).map(({ name }) => name) ?? []
  const isRunning = isControlled(health, now)
  const missing = nodes.flatMap((node) => node.missing.map((what) => `${node.name}: ${what}`))
  const check = (name: string, isWell: boolean, found: string, todo: string): Check => ({
    name,
    ok: isWell,
    found,
    todo: isWell ? null : todo,
  })
  const fenced = nodes.length > asked.length ? `, ${nodes.length - asked.length} fenced` : ''
  const nodesFound =
    nodes.length === 0
      ? 'none registered'
      : `${asked.length - silent.length} of ${asked.length} answer${fenced}`
  return [
    check('database', true, 'answers', ''),
    check(
      'controller',
      isRunning,
      isRunning ? 'running' : 'silent',
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
    check(
      'invoices',
      waiting.length === 0,
      waiting.length === 0 ? 'none waits' : `${waiting.length} wait as drafts`,
      waiting.includes('seller_missing')
        ? 'Say who issues invoices: gpuhour invoices seller.'
        : 'Their sums do not agree. It is a bug: report it.',
    ),
  ]
}

function doctorHandler({ store, dataDir, version, configuration }: ApiParts): Handlers['getDoctor'] {
  return async ({ principal }) => {
    require(principal, 'operate', { kind: 'platform' }, 'platform', '')
    const health = await loopHealth(dataDir)
    return ok(
      await store.read(async (tx): Promise<Doctor> => {
        const now = await tx.now()
        const nodes = await placement.allNodes(tx)
        const anomalies = await compute.anomalies(tx, anomaliesShown)
        const checks = checksOf(nodes, health, anomalies.length, await waiting(tx), now)
        const lastPassAt = health ? shown(instant(health.at)) : null
        return {
          version,
          asOf: shown(now),
          verdict: checks.every((check) => check.ok) ? 'well' : 'attention',
          checks,
          configuration: configuration.map((line) => ({ ...line })),
          nodes: await nodeViews(tx),
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
  const { store, doors, version, runtime, consoleUrl, payments } = parts
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
        payments: {
          way: payments.way,
          minNanos: String(paymentNanosMin),
          maxNanos: String(paymentNanosMax),
        },
      })
    },
  }
}
