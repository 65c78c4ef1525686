import type { Volume } from '@gpuhour/sdk/contract'
import { AppError } from '../kernel/errors.ts'
import { asId } from '../kernel/ids.ts'
import * as storage from '../storage/storage.ts'
import type { Tx } from '../store/store.ts'
import { may, type Principal } from '../tenancy/rules.ts'
import * as tenancy from '../tenancy/tenancy.ts'
import { projectFor, volumeFor } from './access.ts'
import { type Handlers, made, ok } from './calls.ts'
import type { PlaceFacts } from './facts.ts'
import { placeOf } from './instances.ts'
import { requireNoDebt } from './funds.ts'
import { pageOfAll } from './pages.rules.ts'
import type { ApiParts } from './parts.ts'
import { shown, storageRate } from './views.rules.ts'

function stateOf(row: storage.VolumeRow): Volume['state'] {
  if (row.deletedAt !== null) return row.purgedAt === null ? 'deleting' : 'deleted'
  return row.createdAt === null ? 'requested' : 'ready'
}

function whyNot(row: storage.VolumeRow, principal: Principal): Volume['actions'] {
  const { organization, project } = row
  const mine = may(principal, 'storage', { kind: 'project', organization, project }) === 'yes'
  const gone = !mine
    ? 'Your role or key does not allow this.'
    : row.deletedAt !== null
      ? 'It is deleted.'
      : null
  const kept =
    row.homeOf !== null
      ? 'It is the home of an instance, and goes with it.'
      : row.attachedTo !== null
        ? 'It is in use. Stop what uses it first.'
        : null
  const permission = (why: string | null): Volume['actions']['delete'] => ({ allowed: why === null, why })
  return { resize: permission(gone), delete: permission(gone ?? kept) }
}

function volumeView(row: storage.VolumeRow, place: PlaceFacts, principal: Principal): Volume {
  const { id, project, name, sizeGib, homeOf, attachedTo } = row
  return {
    id,
    project,
    name,
    sizeGib,
    state: stateOf(row),
    homeOf,
    attachedTo,
    currency: place.currency,
    nanosPerHour: String(row.deletedAt === null ? storageRate(place, sizeGib) : 0n),
    actions: whyNot(row, principal),
    requestedAt: shown(row.requestedAt),
    createdAt: shown(row.createdAt),
  }
}

async function viewAgain(tx: Tx, id: storage.VolumeRow['id'], principal: Principal): Promise<Volume> {
  const row = await volumeFor(tx, principal, 'read', id)
  return volumeView(row, await placeOf(tx, row), principal)
}

function deleteHandler({ store }: ApiParts): Handlers['deleteVolume'] {
  return async ({ principal, params, requestId }) =>
    ok(
      await store.transact(async (tx) => {
        const row = await volumeFor(tx, principal, 'storage', params.volume)
        const { delete: permission } = whyNot(row, principal)
        if (row.deletedAt === null && !permission.allowed)
          throw new AppError('invalid_state', `The volume cannot be deleted. ${permission.why}`)
        await storage.remove(tx, row.id, false)
        const change = {
          organization: row.organization,
          principal,
          action: 'volume.delete',
          target: row.id,
        }
        if (row.deletedAt === null) await tenancy.audit(tx, { ...change, requestId })
        return viewAgain(tx, row.id, principal)
      }),
    )
}

type VolumeRoutes = 'listVolumes' | 'createVolume' | 'getVolume' | 'resizeVolume' | 'deleteVolume'

/** Everything about volumes. */
export function volumeHandlers(parts: ApiParts): Pick<Handlers, VolumeRoutes> {
  const { store } = parts
  return {
    listVolumes: async ({ principal, params, query }) =>
      ok(
        await store.read(async (tx) => {
          const project = await projectFor(tx, principal, 'read', params.project)
          const all = await storage.volumesOf(tx, project.id)
          const rows = all.filter(({ name }) => query.name === undefined || name === query.name)
          const place = await placeOf(tx, project)
          return pageOfAll(
            rows,
            query,
            ({ id }) => id,
            (row) => volumeView(row, place, principal),
          )
        }),
      ),

    createVolume: async ({ principal, params, body, requestId }) => {
      const { isNew, view } = await store.transact(async (tx) => {
        const { id: project, organization } = await projectFor(tx, principal, 'storage', params.project)
        const id = asId('volume', body.id)
        const there = await storage.volume(tx, id)
        if (!there) await requireNoDebt(tx, organization)
        const { name, sizeGib } = body
        await storage.request(tx, { id, organization, project, name, sizeGib, homeOf: null })
        const change = { organization, principal, action: 'volume.create', target: id, requestId }
        if (!there) await tenancy.audit(tx, { ...change, after: body })
        return { isNew: !there, view: await viewAgain(tx, id, principal) }
      })
      return made(isNew, view)
    },

    getVolume: async ({ principal, params }) =>
      ok(
        await store.read(async (tx) => {
          const { id } = await volumeFor(tx, principal, 'read', params.volume)
          return viewAgain(tx, id, principal)
        }),
      ),

    resizeVolume: async ({ principal, params, body, requestId }) =>
      ok(
        await store.transact(async (tx) => {
          const { id, organization, sizeGib } = await volumeFor(tx, principal, 'storage', params.volume)
          if (body.sizeGib > sizeGib) await requireNoDebt(tx, organization)
          await storage.resize(tx, id, body.sizeGib)
          const change = { organization, principal, action: 'volume.resize', target: id, requestId }
          await tenancy.audit(tx, { ...change, before: sizeGib, after: body.sizeGib })
          return viewAgain(tx, id, principal)
        }),
      ),

    deleteVolume: deleteHandler(parts),
  }
}
