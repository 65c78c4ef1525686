import { sql } from 'kysely'
import type { Instant } from '../kernel/time.ts'
import { at, type Tx } from '../store/store.ts'
import type { FlavorShape } from './flavors.rules.ts'
import type { Bilingual, BuildState, ImageNeeds } from './rules.ts'

/** A named line of environments. */
export interface ImageRow {
  readonly id: string
  readonly title: Bilingual
  readonly description: Bilingual
  readonly publisher: string
  readonly licences: readonly string[]
}

/** One immutable build of an image. */
export interface ImageVersionRow {
  readonly id: string
  readonly image: string
  readonly version: string
  readonly digest: string
  readonly recipe: string
  readonly needs: ImageNeeds
  readonly sizeBytes: bigint
  readonly offeredAt: Instant
  readonly withdrawnAt: Instant | null
}

/** One build, from waiting to done or failed. */
export interface BuildRow {
  readonly id: string
  readonly image: string
  readonly version: string
  readonly recipe: string
  readonly state: BuildState
  readonly step: number
  readonly steps: number
  readonly title: string
  readonly bytesDone: bigint | null
  readonly bytesTotal: bigint | null
  /** The attempt under way, or, of a build that waits, its next one. Counted on by failures alone. */
  readonly attempt: number
  readonly error: string | null
  readonly requestedAt: Instant
  readonly startedAt: Instant | null
  readonly endedAt: Instant | null
}

/** The recorded result of one check. */
export interface ProofRow {
  readonly id: string
  readonly image: string
  readonly version: string
  readonly digest: string
  readonly name: string
  readonly ok: boolean
  readonly durationMs: number
  readonly detail: unknown
  readonly driver: string | null
  readonly gpu: string | null
  readonly at: Instant
}

const versionColumns = sql`id, image, version, digest, recipe, needs, size_bytes as "sizeBytes",
  offered_at as "offeredAt", withdrawn_at as "withdrawnAt"`
const buildColumns = sql`id, image, version, recipe, state, step, steps, title, bytes_done as "bytesDone",
  bytes_total as "bytesTotal", attempt, error, requested_at as "requestedAt", started_at as "startedAt",
  ended_at as "endedAt"`

/** Adds an image or brings its texts up to date. */
export async function upsertImage(tx: Tx, row: ImageRow, now: Instant): Promise<void> {
  await sql`insert into image (id, title, description, publisher, licences, created_at)
    values (${row.id}, ${JSON.stringify(row.title)}, ${JSON.stringify(row.description)}, ${row.publisher},
      ${JSON.stringify(row.licences)}, ${at(now)})
    on conflict on constraint image_pkey do update set title = excluded.title, description =
    excluded.description,
      publisher = excluded.publisher, licences = excluded.licences`.execute(tx.db)
}

/** All images, by id. */
export async function images(tx: Tx): Promise<readonly ImageRow[]> {
  const { rows } = await sql<ImageRow>`
    select id, title, description, publisher, licences from image order by id`.execute(tx.db)
  return rows
}

/** Every version ever offered, newest first. */
export async function versions(tx: Tx): Promise<readonly ImageVersionRow[]> {
  const { rows } = await sql<ImageVersionRow>`
    select ${versionColumns} from image_version order by image, offered_at desc`.execute(tx.db)
  return rows
}

/** The version on offer. */
export async function offered(tx: Tx, image: string, version: string): Promise<ImageVersionRow | null> {
  const { rows } = await sql<ImageVersionRow>`select ${versionColumns} from image_version
    where image = ${image} and version = ${version} and withdrawn_at is null`.execute(tx.db)
  return rows[0] ?? null
}

/** A version by its id, on offer or not. */
export async function versionById(tx: Tx, id: string): Promise<ImageVersionRow | null> {
  const { rows } = await sql<ImageVersionRow>`
    select ${versionColumns} from image_version where id = ${id}`.execute(tx.db)
  return rows[0] ?? null
}

/** Takes what is on offer under this name off, except one digest. */
export async function withdrawOthers(
  tx: Tx,
  image: string,
  version: string,
  digest: string,
  now: Instant,
): Promise<void> {
  await sql`update image_version set withdrawn_at = ${at(now)}
    where image = ${image} and version = ${version} and digest <> ${digest} and withdrawn_at is null`.execute(
    tx.db,
  )
}

/** Puts a version on offer; the same digest again is the same version. */
export async function insertVersion(tx: Tx, row: Omit<ImageVersionRow, 'withdrawnAt'>): Promise<void> {
  await sql`insert into image_version (id, image, version, digest, recipe, needs, size_bytes, offered_at)
    values (${row.id}, ${row.image}, ${row.version}, ${row.digest}, ${row.recipe},
    ${JSON.stringify(row.needs)},
      ${row.sizeBytes}, ${at(row.offeredAt)})
    on conflict on constraint image_version_digest_unique
      do update set withdrawn_at = null, recipe = excluded.recipe`.execute(tx.db)
}

/** Asks for a build; a recipe is asked for once. */
export async function insertBuild(
  tx: Tx,
  row: Pick<BuildRow, 'id' | 'image' | 'version' | 'recipe' | 'requestedAt'>,
): Promise<void> {
  await sql`insert into image_build (id, image, version, recipe, state, requested_at)
    values (${row.id}, ${row.image}, ${row.version}, ${row.recipe}, 'waiting', ${at(row.requestedAt)})
    on conflict on constraint image_build_recipe_unique do nothing`.execute(tx.db)
}

/** Builds that failed, or were under way, wait for their first attempt. */
export async function beginBuildsAfresh(tx: Tx): Promise<void> {
  await sql`update image_build set state = 'waiting', attempt = 0, ended_at = null
    where state <> 'done'`.execute(tx.db)
}

/** Every build, oldest request first. */
export async function builds(tx: Tx): Promise<readonly BuildRow[]> {
  const { rows } = await sql<BuildRow>`
    select ${buildColumns} from image_build order by requested_at, id`.execute(tx.db)
  return rows
}

/** Brings a build's state and progress up to date. */
export async function updateBuild(
  tx: Tx,
  id: string,
  row: Omit<BuildRow, 'id' | 'image' | 'version' | 'recipe' | 'requestedAt'>,
): Promise<void> {
  await sql`update image_build set state = ${row.state}, step = ${row.step}, steps = ${row.steps},
      title = ${row.title}, bytes_done = ${row.bytesDone}, bytes_total = ${row.bytesTotal}, attempt =
      ${row.attempt},
      error = ${row.error}, started_at = ${at(row.startedAt)}, ended_at = ${at(row.endedAt)}
    where id = ${id}`.execute(tx.db)
}

/** Records the result of one check. */
export async function insertProof(tx: Tx, row: ProofRow): Promise<void> {
  await sql`insert into proof (id, image, version, digest, name, ok, duration_ms, detail, driver, gpu, at)
    values (${row.id}, ${row.image}, ${row.version}, ${row.digest}, ${row.name}, ${row.ok}, ${row.durationMs},
      ${JSON.stringify(row.detail)}, ${row.driver}, ${row.gpu}, ${at(row.at)})`.execute(tx.db)
}

/** All proofs of what is on offer, newest first. */
export async function proofs(tx: Tx): Promise<readonly ProofRow[]> {
  const { rows } =
    await sql<ProofRow>`select id, image, version, digest, name, ok, duration_ms as "durationMs", detail,
      driver, gpu, at
    from proof where digest in (select digest from image_version where withdrawn_at is null)
    order by image, at desc, name`.execute(tx.db)
  return rows
}

const flavorColumns = sql`id, cpus, memory_gib as "memoryGib", disk_gib as "diskGib", gpu_model as "gpuModel",
  gpu_count as "gpuCount"`

/** Flavors that are not withdrawn, smallest first. */
export async function flavors(tx: Tx): Promise<readonly FlavorShape[]> {
  const { rows } = await sql<FlavorShape>`select ${flavorColumns} from flavor where withdrawn_at is null
    order by gpu_count, gpu_model, cpus, memory_gib, id`.execute(tx.db)
  return rows
}

/** One flavor, unless it was withdrawn. */
export async function flavor(tx: Tx, id: string): Promise<FlavorShape | null> {
  const { rows } = await sql<FlavorShape>`
    select ${flavorColumns} from flavor where id = ${id} and withdrawn_at is null`.execute(tx.db)
  return rows[0] ?? null
}

/** Adds a flavor or brings it up to date. */
export async function upsertFlavor(tx: Tx, shape: FlavorShape): Promise<void> {
  await sql`insert into flavor (id, cpus, memory_gib, disk_gib, gpu_model, gpu_count)
    values (${shape.id}, ${shape.cpus}, ${shape.memoryGib}, ${shape.diskGib}, ${shape.gpuModel},
      ${shape.gpuCount})
    on conflict on constraint flavor_pkey do update set cpus = excluded.cpus, memory_gib =
    excluded.memory_gib,
      disk_gib = excluded.disk_gib, withdrawn_at = null`.execute(tx.db)
}

/** Takes every other flavor off offer. */
export async function withdrawFlavors(tx: Tx, kept: readonly string[], now: Instant): Promise<void> {
  await sql`update flavor set withdrawn_at = ${at(now)}
    where withdrawn_at is null and not (id = any(${kept}))`.execute(tx.db)
}
