import type { Device, Fault, Node, NodeAllocation } from '@gpuhour/sdk/contract'
import { costOf } from '../billing/billing.ts'
import { beginFence, fence, reportFault } from '../jobs/operating.ts'
import { AppError, notFound } from '../kernel/errors.ts'
import { isId, type NodeId } from '../kernel/ids.ts'
import { type Instant, instant } from '../kernel/time.ts'
import * as nodes from '../placement/nodes.ts'
import { isSilent, type NodeEvent, nodeTable } from '../placement/nodes.rules.ts'
import * as placement from '../placement/placement.ts'
import type { Tx } from '../store/store.ts'
import type { Principal } from '../tenancy/rules.ts'
import * as tenancy from '../tenancy/tenancy.ts'
import { require } from './access.ts'
import { type Handlers, ok } from './calls.ts'
import { isWatched, loopHealth } from './health.ts'
import { namesOf } from './money.ts'
import { cursorPair, pageOf, pageOfAll } from './pages.rules.ts'
import type { ApiParts } from './parts.ts'
import { shown } from './views.rules.ts'

function requireOperator(principal: Principal): void {
  require(principal, 'operate', { kind: 'platform' }, 'platform', '')
}

/** A device on the wire. */
function deviceView(row: nodes.DeviceRow): Device {
  const { id, node, model, memoryMib, healthy, drainedAt, drainedWhy, allocation } = row
  const drained = drainedAt === null ? null : { at: shown(drainedAt), why: drainedWhy ?? '' }
  return { id, node, model, memoryMib, healthy, drained, allocation }
}

const statusOf: Readonly<Record<placement.NodeRow['status'], string>> = {
  ready: 'It is ready.',
  returning: 'It is coming back: it is looked at first.',
  draining: 'It is drained already.',
  fenced: 'It is fenced already.',
}

function actionsOf(node: placement.NodeRow, now: Instant): Node['actions'] {
  const of = (event: NodeEvent): Node['actions']['drain'] =>
    nodeTable[event][node.status] === 'same'
      ? { allowed: false, why: statusOf[node.status] }
      : { allowed: true, why: null }
  const why = 'It answers: what answers is not off. Turn the machine off, and wait for a minute.'
  const isOff = node.status === 'fenced' || isSilent(node, now)
  return {
    drain: of('drain_asked'),
    ready: of('ready_asked'),
    fence: isOff ? of('fence_asked') : { allowed: false, why },
  }
}

/** Every machine as an operator sees it, by name. */
export async function nodeViews(tx: Tx): Promise<Node[]> {
  const now = await tx.now()
  const devices = (await nodes.devices(tx)).map(deviceView)
  const live = await placement.liveAllocations(tx)
  return (await placement.allNodes(tx)).map((row) => {
    const { id, name, driver, status, cpus, memoryGib, diskGib, gpuDriver, cudaDriver, missing } = row
    return {
      ...{ id, name, driver, status, cpus, memoryGib, diskGib, gpuDriver, cudaDriver },
      devices: devices.filter(({ node }) => node === id),
      missing: [...missing],
      seenAt: shown(row.seenAt),
      live: live.filter(({ node }) => node === id).length,
      actions: actionsOf(row, now),
    }
  })
}

async function nodeView(tx: Tx, id: NodeId): Promise<Node> {
  const view = (await nodeViews(tx)).find((one) => one.id === id)
  if (!view) throw notFound('node', id)
  return view
}

function nodeId(text: string): NodeId {
  if (!isId('node', text)) throw notFound('node', text)
  return text
}

/** Draining, and making ready again, differ in one word. */
function statusHandler({ store }: ApiParts, event: 'drain_asked' | 'ready_asked'): Handlers['drainNode'] {
  return async ({ principal, params, requestId }) => {
    requireOperator(principal)
    const target = nodeId(params.node)
    return ok(
      await store.transact(async (tx) => {
        const before = await nodeView(tx, target)
        const { status } = await nodes.tellNode(tx, target, event)
        const action = event === 'drain_asked' ? 'node.drain' : 'node.ready'
        const change = { organization: null, principal, action, target, requestId }
        if (status !== before.status)
          await tenancy.audit(tx, { ...change, before: before.status, after: status })
        return nodeView(tx, target)
      }),
    )
  }
}

/** Silence says something only where somebody asks. */
async function requireWatched({ store, dataDir }: ApiParts): Promise<void> {
  const now = await store.read((tx) => tx.now())
  if (isWatched(await loopHealth(dataDir), now)) return
  throw new AppError(
    'unavailable',
    'Nobody looks at the machines just now, so nobody knows whether it is silent: the controller does not ' +
      'run, or cannot look. See "gpuhour doctor", and ask again.',
  )
}

function fenceHandler(parts: ApiParts): Handlers['fenceNode'] {
  const { store } = parts
  return async ({ principal, params, requestId }) => {
    requireOperator(principal)
    const target = nodeId(params.node)
    await requireWatched(parts)
    await store.transact((tx) => beginFence(tx, target))
    return ok(
      await store.transact(async (tx) => {
        const before = await nodeView(tx, target)
        const { node, released } = await fence(tx, target)
        const change = { organization: null, principal, action: 'node.fence', target, requestId }
        if (node.status !== before.status)
          await tenancy.audit(tx, { ...change, before: before.status, after: released })
        return { node: await nodeView(tx, target), released: [...released] }
      }),
    )
  }
}

function allocationsHandler({ store }: ApiParts): Handlers['listAllocations'] {
  return async ({ principal, params, query }) => {
    requireOperator(principal)
    return ok(
      await store.read(async (tx) => {
        const { id } = await nodeView(tx, nodeId(params.node))
        const pair = cursorPair(query.cursor, /^\d{1,15}\/alo_[0-9a-z]{1,60}$/)
        const after = pair ? { allocatedAt: instant(Number(pair[0])), id: pair[1] } : null
        const rows = await nodes.allocationsOn(tx, nodeId(id), after, query.limit + 1)
        const nameOf = namesOf(tx)
        const views = new Map<string, NodeAllocation>()
        for (const row of rows) views.set(row.id, await allocationView(tx, row, nameOf))
        const { items, next } = pageOf(
          rows,
          query.limit,
          (row) => `${row.allocatedAt}/${row.id}`,
          (row) => views.get(row.id),
        )
        return { items: items.filter((view) => view !== undefined), next }
      }),
    )
  }
}

async function allocationView(
  tx: Tx,
  row: nodes.NodeAllocationRow,
  nameOf: (id: string) => Promise<string>,
): Promise<NodeAllocation> {
  const organization = await tenancy.organization(tx, row.organization)
  const { id: allocation, subject, flavor, devices } = row
  return {
    ...{ allocation, subject, flavor, devices: [...devices] },
    name: await nameOf(subject),
    organization: { id: row.organization, name: organization?.name ?? row.organization },
    allocatedAt: shown(row.allocatedAt),
    readyAt: shown(row.readyAt),
    lastSeenAt: shown(row.lastSeenAt),
    closedAt: shown(row.closedAt),
    releasedAt: shown(row.releasedAt),
  }
}

function faultHandler({ store }: ApiParts): Handlers['reportFault'] {
  return async ({ principal, params, body, requestId }) => {
    requireOperator(principal)
    const { allocation: id } = params
    if (!isId('allocation', id)) throw notFound('allocation', id)
    return ok(
      await store.transact(async (tx): Promise<Fault> => {
        const found = await placement.allocation(tx, id)
        if (!found) throw notFound('allocation', id)
        const { subject, organization } = found
        const before = await costOf(tx, [id])
        const at = body.at === undefined ? null : instant(Date.parse(body.at))
        const { evidence, device = null } = body
        const { isNew, fault } = await reportFault(tx, id, { at, evidence, device })
        const after = await costOf(tx, [id])
        const change = { organization, principal, action: 'fault.report', target: id, requestId }
        if (isNew) await tenancy.audit(tx, { ...change, after: body })
        return {
          ...{ allocation: id, subject, evidence: fault.evidence },
          at: shown(fault.at),
          recordedAt: shown(fault.recordedAt),
          givenBackNanos: String(isNew && before.amount > after.amount ? before.amount - after.amount : 0n),
          currency: after.currency,
        }
      }),
    )
  }
}

type DeviceRoutes = 'drainDevice' | 'readyDevice'

/** One device is told from the others by its id alone, whatever node it is on. */
function deviceHandlers({ store }: ApiParts): Pick<Handlers, DeviceRoutes> {
  return {
    drainDevice: async ({ principal, params, body, requestId }) => {
      requireOperator(principal)
      const target = params.device
      return ok(
        await store.transact(async (tx) => {
          const { isNew, device } = await nodes.drainDevice(tx, target, body.why)
          const change = { organization: null, principal, action: 'device.drain', target, requestId }
          if (isNew) await tenancy.audit(tx, { ...change, after: body })
          return deviceView(device)
        }),
      )
    },

    readyDevice: async ({ principal, params, requestId }) => {
      requireOperator(principal)
      const target = params.device
      return ok(
        await store.transact(async (tx) => {
          const { isNew, device } = await nodes.makeDeviceReady(tx, target)
          const change = { organization: null, principal, action: 'device.ready', target, requestId }
          if (isNew) await tenancy.audit(tx, change)
          return deviceView(device)
        }),
      )
    },
  }
}

type NodeRoutes =
  | DeviceRoutes
  | 'listNodes'
  | 'drainNode'
  | 'readyNode'
  | 'fenceNode'
  | 'listAllocations'
  | 'reportFault'

/** What an operator does to machines, to devices, and to what a fault has hit. */
export function nodeHandlers(parts: ApiParts): Pick<Handlers, NodeRoutes> {
  return {
    ...deviceHandlers(parts),
    drainNode: statusHandler(parts, 'drain_asked'),
    readyNode: statusHandler(parts, 'ready_asked'),
    fenceNode: fenceHandler(parts),
    listAllocations: allocationsHandler(parts),
    reportFault: faultHandler(parts),

    listNodes: async ({ principal, query }) => {
      requireOperator(principal)
      const views = await parts.store.read(nodeViews)
      return ok(
        pageOfAll(
          views,
          query,
          ({ id }) => id,
          (view) => view,
        ),
      )
    },
  }
}
