import type { Instance } from '@gpuhour/sdk/contract'
import * as catalog from '../catalog/catalog.ts'
import * as compute from '../compute/compute.ts'
import { allowedActions } from '../compute/rules.ts'
import { mintDoorCode } from '../identity/doors.ts'
import { AppError, notFound } from '../kernel/errors.ts'
import { asId, hostLabelOf, type InstanceId } from '../kernel/ids.ts'
import * as storage from '../storage/storage.ts'
import type { Tx } from '../store/store.ts'
import { may, type Principal } from '../tenancy/rules.ts'
import * as tenancy from '../tenancy/tenancy.ts'
import { instanceFor, projectFor } from './access.ts'
import { type Handlers, made, ok } from './calls.ts'
import { placeFacts, type PlaceFacts, subjectFacts, type SubjectFacts } from './facts.ts'
import { requireFunds } from './funds.ts'
import { pageOf, decodeCursor } from './pages.rules.ts'
import type { ApiParts, Doors } from './parts.ts'
import { followSubject } from './follow.ts'
import { allocationView, costView, shown, storageRate, waitingView } from './views.rules.ts'

/** What an instance offers on a host name of its own: every image's JupyterLab. */
const jupyter = { port: 8888, name: 'jupyter' } as const

type Permission = Instance['actions']['start']

const asking: Readonly<Record<'start' | 'stop' | 'restart' | 'delete', string>> = {
  start: 'It is on its way or running already.',
  stop: 'It is stopped, or on its way there.',
  restart: 'Only a running instance can be restarted.',
  delete: 'It is deleted, or on its way there.',
}

function actionsOf(row: compute.InstanceRow, principal: Principal): Instance['actions'] {
  const { organization, project } = row
  const mine = (action: 'compute' | 'connect'): boolean =>
    may(principal, action, { kind: 'project', organization, project }) === 'yes'
  const allowed = allowedActions(row)
  const permission = (action: keyof typeof asking): Permission => {
    if (!mine('compute')) return { allowed: false, why: 'Your role or key does not allow this.' }
    return allowed[action] ? { allowed: true, why: null } : { allowed: false, why: asking[action] }
  }
  const isUp = row.state === 'running'
  const connect: Permission = mine('connect')
    ? { allowed: isUp, why: isUp ? null : 'It is not running.' }
    : { allowed: false, why: 'Your role or key does not allow this.' }
  return {
    start: permission('start'),
    stop: permission('stop'),
    restart: permission('restart'),
    delete: permission('delete'),
    connect,
  }
}

function endingOf(row: compute.InstanceRow): Instance['ending'] {
  const isOver = row.state === 'stopped' || row.state === 'failed' || row.state === 'stopping'
  const { reason, exitCode, exitSignal: signal, outOfMemory } = row
  return isOver && (reason !== null || exitCode !== null || signal !== null)
    ? { reason, exitCode, signal, outOfMemory }
    : null
}

function doorUrl(doors: Doors, id: string, port: number): string {
  const { scheme, host, port: appsPort } = doors.apps
  const isDefault = appsPort === (scheme === 'https' ? 443 : 80)
  return `${scheme}://${hostLabelOf(id)}--${port}.${host}${isDefault ? '' : `:${appsPort}`}/`
}

interface Context {
  readonly place: PlaceFacts
  readonly facts: SubjectFacts
  readonly home: storage.VolumeRow | null
  readonly principal: Principal
  readonly doors: Doors
}

function view(row: compute.InstanceRow, { place, facts, home, principal, doors }: Context): Instance {
  const { id, project, name, flavor, createdBy, intent, state } = row
  const sizeGib = home?.sizeGib ?? 0
  return {
    id,
    project,
    name,
    image: `${row.image}:${row.version}`,
    flavor,
    home: { volume: row.home, name: home?.name ?? '', sizeGib },
    createdBy,
    intent,
    state,
    waiting: waitingView(facts),
    ending: endingOf(row),
    requestedAt: shown(facts.requestedAt),
    allocation: allocationView(place, facts),
    cost: costView(place, facts, row, home?.deletedAt === null ? storageRate(place, sizeGib) : 0n),
    doors: [{ ...jupyter, url: doorUrl(doors, id, jupyter.port), isOpen: state === 'running' }],
    ssh: { ...doors.ssh, user: id },
    actions: actionsOf(row, principal),
    createdAt: shown(row.createdAt),
    changedAt: shown(row.changedAt),
  }
}

/** Instances as this principal sees them now. */
export async function instanceViews(
  tx: Tx,
  rows: readonly compute.InstanceRow[],
  place: PlaceFacts,
  principal: Principal,
  doors: Doors,
): Promise<Instance[]> {
  const factsOf = await subjectFacts(tx, rows)
  const homes = await storage.volumesById(
    tx,
    rows.map(({ home }) => home),
  )
  return rows.map((row) =>
    view(row, { place, facts: factsOf(row), home: homes.get(row.home) ?? null, principal, doors }),
  )
}

/** One of them. */
export async function instanceView(
  tx: Tx,
  row: compute.InstanceRow,
  place: PlaceFacts,
  principal: Principal,
  doors: Doors,
): Promise<Instance> {
  const factsOf = await subjectFacts(tx, [row])
  return view(row, { place, facts: factsOf(row), home: await storage.volume(tx, row.home), principal, doors })
}

/** What the organization of a row is charged by and in. */
export async function placeOf(tx: Tx, row: Pick<tenancy.ProjectRow, 'organization'>): Promise<PlaceFacts> {
  const organization = await tenancy.organization(tx, row.organization)
  if (!organization) throw notFound('organization', row.organization)
  return placeFacts(tx, organization)
}

type Change = 'startInstance' | 'stopInstance' | 'restartInstance' | 'deleteInstance'

type Ask = (tx: Tx, id: InstanceId, person: string, key: string | null) => Promise<compute.InstanceRow>

const changes: Readonly<Record<Change, Ask>> = {
  startInstance: compute.start,
  stopInstance: (tx, id, person) => compute.stop(tx, id, person),
  restartInstance: compute.restart,
  deleteInstance: (tx, id, person) => compute.remove(tx, id, person),
}

const wordOf: Readonly<Record<Change, string>> = {
  startInstance: 'instance.start',
  stopInstance: 'instance.stop',
  restartInstance: 'instance.restart',
  deleteInstance: 'instance.delete',
}

/** The four requests differ in one word. */
function changeHandler(parts: ApiParts, change: Change): Handlers[Change] {
  return async ({ principal, params, requestId }) =>
    ok(
      await parts.store.transact(async (tx) => {
        const before = await instanceFor(tx, principal, 'compute', params.instance)
        const isStart = change === 'startInstance' && allowedActions(before).start
        const askedKey = principal.key?.id ?? null
        const asked = { ...compute.instanceLifecycle.asked(before), askedBy: principal.person, askedKey }
        if (isStart) await requireFunds(tx, before.organization, before, asked)
        const after = await changes[change](tx, before.id, principal.person, askedKey)
        const { organization, id: target } = after
        await tenancy.audit(tx, {
          organization,
          principal,
          action: wordOf[change],
          target,
          requestId,
          before: [before.state, before.intent],
          after: [after.state, after.intent],
        })
        return instanceView(tx, after, await placeOf(tx, after), principal, parts.doors)
      }),
    )
}

/** Launches: the room makes it, the wallet must afford a minute of it, and who did it is written down. */
function createHandler({ store, doors }: ApiParts): Handlers['createInstance'] {
  return async ({ principal, params, body, requestHash, requestId }) => {
    const { created, shownInstance } = await store.transact(async (tx) => {
      const project = await projectFor(tx, principal, 'compute', params.project)
      const { image, version } = await catalog.resolveImage(tx, body.image)
      await catalog.resolveFlavor(tx, body.flavor)
      const { organization } = project
      const id = asId('instance', body.id)
      const by = { askedBy: principal.person, askedKey: principal.key?.id ?? null }
      const asked = { ...by, subject: id, project: project.id, job: null }
      const wanted = { flavor: body.flavor, image }
      if (!(await compute.instance(tx, id))) await requireFunds(tx, organization, wanted, asked)
      const answer = await compute.create(tx, {
        id,
        organization,
        project: project.id,
        name: body.name,
        image,
        version,
        flavor: body.flavor,
        homeGib: body.volumeGib,
        createdBy: principal.person,
        askedKey: by.askedKey,
        requestHash,
      })
      if (answer.created)
        await tenancy.audit(tx, {
          organization,
          principal,
          action: 'instance.create',
          target: id,
          requestId,
          after: body,
        })
      const place = await placeOf(tx, project)
      return {
        created: answer.created,
        shownInstance: await instanceView(tx, answer.instance, place, principal, doors),
      }
    })
    return made(created, shownInstance)
  }
}

type InstanceRoutes =
  | Change
  | 'listInstances'
  | 'createInstance'
  | 'getInstance'
  | 'followInstance'
  | 'openDoor'

/** Everything about instances. */
export function instanceHandlers(parts: ApiParts): Pick<Handlers, InstanceRoutes> {
  const { store, doors } = parts
  return {
    createInstance: createHandler(parts),
    startInstance: changeHandler(parts, 'startInstance'),
    stopInstance: changeHandler(parts, 'stopInstance'),
    restartInstance: changeHandler(parts, 'restartInstance'),
    deleteInstance: changeHandler(parts, 'deleteInstance'),

    listInstances: async ({ principal, params, query }) =>
      ok(
        await store.read(async (tx) => {
          const project = await projectFor(tx, principal, 'read', params.project)
          const before = decodeCursor(query.cursor, /^ins_[0-9a-z]{1,60}$/)
          const named =
            query.name === undefined ? null : await compute.instanceByName(tx, project.id, query.name)
          const includeDeleted = query.includeDeleted === 'true'
          const rows =
            query.name === undefined
              ? await compute.instancesOf(tx, project.id, { includeDeleted, before, limit: query.limit + 1 })
              : [named].filter((row) => row !== null)
          const place = await placeOf(tx, project)
          const { items, next } = pageOf(
            rows,
            query.limit,
            ({ id }) => id,
            (row) => row,
          )
          return { items: await instanceViews(tx, items, place, principal, doors), next }
        }),
      ),

    getInstance: async ({ principal, params }) =>
      ok(
        await store.read(async (tx) => {
          const row = await instanceFor(tx, principal, 'read', params.instance)
          return instanceView(tx, row, await placeOf(tx, row), principal, doors)
        }),
      ),

    followInstance: async ({ principal: first, principalNow, params, lastEventId, signal }) => {
      const { id } = await store.read((tx) => instanceFor(tx, first, 'read', params.instance))
      const following = { subject: id, lastEventId, signal, principalNow }
      return followSubject(parts, following, async (tx, principal) => {
        const row = await instanceFor(tx, principal, 'read', id)
        const data = await instanceView(tx, row, await placeOf(tx, row), principal, doors)
        return { event: 'instance' as const, data }
      })
    },

    openDoor: async ({ principal, params }) => ok(await openDoor(parts, principal, params)),
  }
}

async function openDoor(
  { store, doors }: ApiParts,
  principal: Principal,
  params: { readonly instance: string; readonly port: string },
): Promise<{ url: string; expiresAt: string }> {
  const port = /^[1-9]\d{0,4}$/.test(params.port) ? Number(params.port) : 0
  return store.transact(async (tx) => {
    const row = await instanceFor(tx, principal, 'connect', params.instance)
    if (port !== jupyter.port) throw notFound('door', params.port)
    if (row.state !== 'running')
      throw new AppError(
        'invalid_state',
        `The instance is ${row.state}: its doors open when it runs. Start it.`,
      )
    const { code, expiresAt } = await mintDoorCode(tx, { person: principal.person, instance: row.id, port })
    const url = `${doorUrl(doors, row.id, port)}.gpuhour/enter?code=${code}`
    return { url, expiresAt: shown(expiresAt) }
  })
}
