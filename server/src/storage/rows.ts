import { sql } from 'kysely'
import type { InstanceId, NodeId, OrganizationId, ProjectId, SubjectId, VolumeId } from '../kernel/ids.ts'
import type { Instant } from '../kernel/time.ts'
import { at, type Tx } from '../store/store.ts'

/** A volume, from its request to its purge. */
export interface VolumeRow {
  readonly id: VolumeId
  readonly organization: OrganizationId
  readonly project: ProjectId
  readonly name: string
  readonly sizeGib: number
  readonly homeOf: InstanceId | null
  readonly attachedTo: SubjectId | null
  readonly node: NodeId | null
  readonly path: string | null
  readonly requestedAt: Instant
  readonly createdAt: Instant | null
  readonly deletedAt: Instant | null
  readonly purgedAt: Instant | null
}

const columns = sql`id, organization, project, name, size_gib as "sizeGib", home_of as "homeOf",
  attached_to as "attachedTo", node, path, requested_at as "requestedAt", created_at as "createdAt",
  deleted_at as "deletedAt", purged_at as "purgedAt"`

/** Asks for a volume; false where its id is taken already. */
export async function insertVolume(
  tx: Tx,
  row: Pick<VolumeRow, 'id' | 'organization' | 'project' | 'name' | 'sizeGib' | 'homeOf' | 'requestedAt'>,
): Promise<boolean> {
  const { numAffectedRows } = await sql`
    insert into volume (id, organization, project, name, size_gib, home_of, requested_at)
    values (${row.id}, ${row.organization}, ${row.project}, ${row.name}, ${row.sizeGib}, ${row.homeOf},
      ${at(row.requestedAt)})
    on conflict on constraint volume_pkey do nothing`.execute(tx.db)
  return (numAffectedRows ?? 0n) > 0n
}

/** One volume. */
export async function volume(tx: Tx, id: VolumeId): Promise<VolumeRow | null> {
  const { rows } = await sql<VolumeRow>`select ${columns} from volume where id = ${id}`.execute(tx.db)
  return rows[0] ?? null
}

/** Several volumes, deleted ones too. */
export async function volumesById(
  tx: Tx,
  ids: readonly VolumeId[],
): Promise<ReadonlyMap<VolumeId, VolumeRow>> {
  if (ids.length === 0) return new Map()
  const { rows } = await sql<VolumeRow>`select ${columns} from volume where id = any(${ids})`.execute(tx.db)
  return new Map(rows.map((row) => [row.id, row]))
}

/** One volume, locked. */
export async function lockVolume(tx: Tx, id: VolumeId): Promise<VolumeRow | null> {
  const { rows } = await sql<VolumeRow>`select ${columns} from volume where id = ${id} for update`.execute(
    tx.db,
  )
  return rows[0] ?? null
}

/** Locks what a subject has mounted. */
export async function lockAttached(tx: Tx, subject: SubjectId): Promise<void> {
  await sql`select id from volume where attached_to = ${subject} order by id for update`.execute(tx.db)
}

/** Volumes of a project that are not deleted, by name. */
export async function volumesOf(tx: Tx, project: ProjectId): Promise<readonly VolumeRow[]> {
  const { rows } = await sql<VolumeRow>`select ${columns} from volume
    where project = ${project} and deleted_at is null order by name, id`.execute(tx.db)
  return rows
}

/** The volume of that name, unless it was deleted. */
export async function volumeByName(tx: Tx, project: ProjectId, name: string): Promise<VolumeRow | null> {
  const { rows } = await sql<VolumeRow>`select ${columns} from volume
    where project = ${project} and deleted_at is null and (name = ${name} or id = ${name})`.execute(tx.db)
  return rows[0] ?? null
}

/** Volumes to be made, and volumes to be purged. */
export async function dueVolumes(tx: Tx): Promise<readonly VolumeRow[]> {
  const { rows } = await sql<VolumeRow>`select ${columns} from volume
    where (created_at is null or (deleted_at is not null and purged_at is null)) and attached_to is null
      and purged_at is null
    order by id`.execute(tx.db)
  return rows
}

/** Where the storage made it. */
export async function markCreated(
  tx: Tx,
  id: VolumeId,
  node: NodeId,
  path: string,
  now: Instant,
): Promise<void> {
  await sql`update volume set created_at = ${at(now)}, node = ${node}, path = ${path}
    where id = ${id} and created_at is null`.execute(tx.db)
}

/** Its deletion was accepted. */
export async function markDeleted(tx: Tx, id: VolumeId, now: Instant): Promise<void> {
  await sql`update volume set deleted_at = ${at(now)} where id = ${id} and deleted_at is null`.execute(tx.db)
}

/** Nothing of it is left. */
export async function markPurged(tx: Tx, id: VolumeId, now: Instant): Promise<void> {
  await sql`update volume set purged_at = ${at(now)} where id = ${id} and purged_at is null`.execute(tx.db)
}

/** Its new size. */
export async function setSize(tx: Tx, id: VolumeId, sizeGib: number): Promise<void> {
  await sql`update volume set size_gib = ${sizeGib} where id = ${id}`.execute(tx.db)
}

/** Mounts it for a subject; false where another one has it. */
export async function attach(tx: Tx, id: VolumeId, subject: SubjectId): Promise<boolean> {
  const { numAffectedRows } = await sql`update volume set attached_to = ${subject}
    where id = ${id} and deleted_at is null and (attached_to is null or attached_to = ${subject})`.execute(
    tx.db,
  )
  return (numAffectedRows ?? 0n) > 0n
}

/** Everything that the subject had mounted is free again. */
export async function detach(tx: Tx, subject: SubjectId): Promise<void> {
  await sql`update volume set attached_to = null where attached_to = ${subject}`.execute(tx.db)
}
