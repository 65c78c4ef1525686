import type { Organization, Project } from '@gpuhour/sdk/contract'
import * as compute from '../compute/compute.ts'
import * as jobs from '../jobs/jobs.ts'
import { asId } from '../kernel/ids.ts'
import type { Instant } from '../kernel/time.ts'
import { may, type Principal } from '../tenancy/rules.ts'
import * as tenancy from '../tenancy/tenancy.ts'
import { organizationFor, projectFor } from './access.ts'
import { type Call, type Handlers, made, ok, type StreamEvent } from './calls.ts'
import { withoutClock } from './follow.ts'
import { instanceViews, placeOf } from './instances.ts'
import { pageOfAll } from './pages.rules.ts'
import type { ApiParts } from './parts.ts'
import { runViews } from './runs.ts'
import { shown } from './views.rules.ts'

/** An organization as this principal sees it. */
export function organizationView(row: tenancy.OrganizationRow, principal: Principal): Organization {
  const { id, name, currency, timeZone, language, createdAt } = row
  const role = principal.memberships.find(({ organization }) => organization === id)?.role ?? null
  return { id, name, currency, timeZone, language, role, createdAt: shown(createdAt) }
}

/** A project on the wire. */
export function projectView({ id, organization, name, createdAt }: tenancy.ProjectRow): Project {
  return { id, organization, name, createdAt: shown(createdAt) }
}

/** A key of one project sees no other. */
export function visibleProjects(
  rows: readonly tenancy.ProjectRow[],
  principal: Principal,
): tenancy.ProjectRow[] {
  return rows.filter(
    ({ id, organization }) =>
      may(principal, 'read', { kind: 'project', organization, project: id }) === 'yes',
  )
}

/** Without a nudge a project's stream looks again after this long, in ms. */
const lookAgainMs = 2_000

/** What a page of the console shows of a project at once. */
const followedMax = 100

async function* followProject(
  { store, nudges, doors }: ApiParts,
  { principalNow, params, signal }: Pick<Call<'followProject'>, 'principalNow' | 'params' | 'signal'>,
): AsyncGenerator<readonly StreamEvent<'followProject'>[]> {
  const nudged = nudges.follow(['compute', 'logs', 'images', 'billing'], () => true)
  const last = new Map<string, string>()
  try {
    while (!signal.aborted) {
      const principal = await principalNow()
      const views = await store.read(async (tx) => {
        const project = await projectFor(tx, principal, 'read', params.project)
        const place = await placeOf(tx, project)
        const page = { before: null, limit: followedMax }
        const includeDeleted = last.size > 0
        const instances = await compute.instancesOf(tx, project.id, { ...page, includeDeleted })
        const runs = await jobs.runsOf(tx, project.id, page)
        const isNews = (row: compute.InstanceRow | jobs.RunRow): boolean => isWorthALook(last, row)
        const shownInstances = await instanceViews(tx, instances.filter(isNews), place, principal, doors)
        const shownRuns = await runViews(tx, runs.filter(isNews), place, principal)
        const found: StreamEvent<'followProject'>[] = [
          ...shownInstances.map((data) => ({ event: 'instance' as const, data })),
          ...shownRuns.map((data) => ({ event: 'run' as const, data })),
        ]
        return found
      })
      const changed = views.filter(({ data }) => {
        const text = withoutClock(data)
        const isNew = last.get(data.id) !== text
        last.set(data.id, text)
        return isNew
      })
      if (changed.length > 0) yield changed
      await nudged.wait(lookAgainMs, signal).catch(() => {})
    }
  } finally {
    nudged.close()
  }
}

const restingStates: ReadonlySet<string> = new Set([
  'stopped',
  'failed',
  'deleted',
  'succeeded',
  'canceled',
  'timed_out',
])

/** What rests and was sent as resting does not change by itself. */
function isWorthALook(
  last: ReadonlyMap<string, string>,
  row: { id: string; state: string; changedAt: Instant },
): boolean {
  const text = last.get(row.id)
  if (!restingStates.has(row.state)) return true
  return text === undefined ? row.state !== 'deleted' : !text.includes(shown(row.changedAt))
}

type ProjectRoutes =
  | 'listOrganizations'
  | 'getOrganization'
  | 'changeOrganization'
  | 'listProjects'
  | 'createProject'
  | 'getProject'
  | 'followProject'

/** Organizations and projects. */
export function projectHandlers(parts: ApiParts): Pick<Handlers, ProjectRoutes> {
  const { store } = parts
  return {
    listOrganizations: async ({ principal, query }) =>
      ok(
        await store.read(async (tx) => {
          const rows = await tenancy.organizationsSeen(tx, principal)
          return pageOfAll(
            rows,
            query,
            ({ id }) => id,
            (row) => organizationView(row, principal),
          )
        }),
      ),

    getOrganization: async ({ principal, params }) =>
      ok(
        await store.read(async (tx) =>
          organizationView(await organizationFor(tx, principal, 'read', params.organization), principal),
        ),
      ),

    changeOrganization: async ({ principal, params, body, requestId }) =>
      ok(
        await store.transact(async (tx) => {
          const before = await organizationFor(tx, principal, 'manage', params.organization)
          const { id: organization, language } = before
          await tenancy.setOrganizationLanguage(tx, organization, body.language)
          const change = { organization, principal, action: 'organization.change', requestId }
          await tenancy.audit(tx, { ...change, target: organization, before: { language }, after: body })
          return organizationView({ ...before, ...body }, principal)
        }),
      ),

    listProjects: async ({ principal, params, query }) =>
      ok(
        await store.read(async (tx) => {
          const { id } = await organizationFor(tx, principal, 'read', params.organization)
          const rows = visibleProjects(await tenancy.projectsOf(tx, [id]), principal)
          return pageOfAll(rows, query, (row) => row.id, projectView)
        }),
      ),

    createProject: async ({ principal, params, body, requestId }) => {
      const answer = await store.transact(async (tx) => {
        const { id: organization } = await organizationFor(tx, principal, 'manage', params.organization)
        const { name } = body
        const created = await tenancy.createProject(tx, { id: asId('project', body.id), organization, name })
        const change = { organization, principal, action: 'project.create', target: body.id, requestId }
        if (created.is === 'new') await tenancy.audit(tx, { ...change, after: body })
        return created
      })
      return made(answer.is === 'new', projectView(answer.row))
    },

    getProject: async ({ principal, params }) =>
      ok(
        await store.read(async (tx) => projectView(await projectFor(tx, principal, 'read', params.project))),
      ),

    followProject: async (call) => {
      await store.read((tx) => projectFor(tx, call.principal, 'read', call.params.project))
      return followProject(parts, call)
    },
  }
}
