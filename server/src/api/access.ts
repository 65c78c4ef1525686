import * as compute from '../compute/compute.ts'
import * as jobs from '../jobs/jobs.ts'
import { AppError, notFound } from '../kernel/errors.ts'
import { isId, type ProjectId } from '../kernel/ids.ts'
import * as storage from '../storage/storage.ts'
import type { Tx } from '../store/store.ts'
import { type Action, keyActionFor, may, type Principal, type Resource } from '../tenancy/rules.ts'
import * as tenancy from '../tenancy/tenancy.ts'

/** Throws unless the principal may: 404 where they may not even know, else 403 saying what is needed. */
export function require(principal: Principal, action: Action, on: Resource, what: string, id: string): void {
  const verdict = may(principal, action, on)
  if (verdict === 'yes') return
  if (verdict === 'hide') throw notFound(what, id)
  const needed = keyActionFor[action]
  const hasKey = principal.key !== null && !principal.key.actions.includes(needed)
  throw new AppError(
    'forbidden',
    hasKey
      ? `This API key is not allowed "${needed}". Use a key that is, or sign in.`
      : 'Your role does not allow this. Ask an owner or an admin of the organization.',
  )
}

/** The organization, if the principal may do this to it. */
export async function organizationFor(
  tx: Tx,
  principal: Principal,
  action: Action,
  id: string,
): Promise<tenancy.OrganizationRow> {
  const row = isId('organization', id) ? await tenancy.organization(tx, id) : null
  if (!row) throw notFound('organization', id)
  require(principal, action, { kind: 'organization', organization: row.id }, 'organization', id)
  return row
}

/** The project, if the principal may do this in it. */
export async function projectFor(
  tx: Tx,
  principal: Principal,
  action: Action,
  id: string,
): Promise<tenancy.ProjectRow> {
  const row = isId('project', id) ? await tenancy.project(tx, id) : null
  if (!row) throw notFound('project', id)
  const { organization } = row
  require(principal, action, { kind: 'project', organization, project: row.id }, 'project', id)
  return row
}

type Placed = { readonly organization: tenancy.OrganizationRow['id']; readonly project: ProjectId }

/** The same for what stands in a project. */
export function requireIn(principal: Principal, action: Action, row: Placed, what: string, id: string): void {
  const { organization, project } = row
  require(principal, action, { kind: 'project', organization, project }, what, id)
}

/** The instance, if the principal may do this to it. */
export async function instanceFor(
  tx: Tx,
  principal: Principal,
  action: Action,
  id: string,
): Promise<compute.InstanceRow> {
  const row = isId('instance', id) ? await compute.instance(tx, id) : null
  if (!row) throw notFound('instance', id)
  requireIn(principal, action, row, 'instance', id)
  return row
}

/** The run, if the principal may do this to it. */
export async function runFor(tx: Tx, principal: Principal, action: Action, id: string): Promise<jobs.RunRow> {
  const row = isId('run', id) ? await jobs.run(tx, id) : null
  if (!row) throw notFound('run', id)
  requireIn(principal, action, row, 'run', id)
  return row
}

/** The volume, if the principal may do this to it. */
export async function volumeFor(
  tx: Tx,
  principal: Principal,
  action: Action,
  id: string,
): Promise<storage.VolumeRow> {
  const row = isId('volume', id) ? await storage.volume(tx, id) : null
  if (!row) throw notFound('volume', id)
  requireIn(principal, action, row, 'volume', id)
  return row
}
