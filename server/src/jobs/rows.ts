import { sql } from 'kysely'
import type { AllocationId, OrganizationId, ProjectId, RunId, VolumeId } from '../kernel/ids.ts'
import type { Nanos } from '../kernel/money.ts'
import type { Instant } from '../kernel/time.ts'
import { at, type Tx } from '../store/store.ts'
import type { RunState } from './rules.ts'

/** One execution of a command. */
export interface RunRow {
  readonly id: RunId
  readonly organization: OrganizationId
  readonly project: ProjectId
  readonly name: string
  readonly image: string
  readonly version: string
  readonly flavor: string
  readonly command: readonly string[]
  readonly environment: Readonly<Record<string, string>>
  readonly volume: VolumeId | null
  readonly timeLimitMs: bigint | null
  readonly createdBy: string
  /** The API key with which it was asked for; null: none. */
  readonly askedKey: string | null
  /** What the whole run may cost, nano-units; null: no limit of its own. */
  readonly costLimit: Nanos | null
  readonly requestHash: string
  readonly intent: 'running' | 'stopped'
  readonly state: RunState
  readonly outcome: string | null
  readonly exitCode: number | null
  readonly exitSignal: string | null
  readonly outOfMemory: boolean
  readonly reason: string | null
  readonly elsewhereCount: number
  readonly exitedCleanly: boolean
  readonly allocation: AllocationId | null
  readonly logComplete: boolean
  readonly createdAt: Instant
  readonly changedAt: Instant
  readonly endedAt: Instant | null
}

const columns = sql`id, organization, project, name, image, version, flavor, command, environment, volume,
  time_limit_ms as "timeLimitMs", created_by as "createdBy", asked_key as "askedKey",
  cost_limit_nanos as "costLimit", request_hash as "requestHash", intent, state,
  outcome,
  exit_code as "exitCode", exit_signal as "exitSignal", out_of_memory as "outOfMemory", reason,
  elsewhere_count as "elsewhereCount", exited_cleanly as "exitedCleanly", allocation, log_complete as
  "logComplete",
  created_at as "createdAt", changed_at as "changedAt", ended_at as "endedAt"`

/** What a fresh run is made of. */
export type FreshRun = Pick<
  RunRow,
  | 'id'
  | 'organization'
  | 'project'
  | 'name'
  | 'image'
  | 'version'
  | 'flavor'
  | 'command'
  | 'environment'
  | 'volume'
  | 'timeLimitMs'
  | 'createdBy'
  | 'askedKey'
  | 'costLimit'
  | 'requestHash'
>

/** Inserts a fresh run, queued. */
export async function insertRun(tx: Tx, row: FreshRun, now: Instant): Promise<void> {
  await sql`insert into job_run (id, organization, project, name, image, version, flavor, command,
    environment, volume,
      time_limit_ms, created_by, asked_key, cost_limit_nanos, request_hash, intent, state,
      created_at, changed_at)
    values (${row.id}, ${row.organization}, ${row.project}, ${row.name}, ${row.image}, ${row.version},
    ${row.flavor},
      ${JSON.stringify(row.command)}, ${JSON.stringify(row.environment)}, ${row.volume}, ${row.timeLimitMs},
      ${row.createdBy}, ${row.askedKey}, ${row.costLimit?.toString() ?? null}, ${row.requestHash},
      'running', 'queued', ${at(now)}, ${at(now)})`.execute(tx.db)
}

/** One run. */
export async function run(tx: Tx, id: RunId): Promise<RunRow | null> {
  const { rows } = await sql<RunRow>`select ${columns} from job_run where id = ${id}`.execute(tx.db)
  return rows[0] ?? null
}

/** The same, locked. */
export async function lockRun(tx: Tx, id: RunId): Promise<RunRow | null> {
  const { rows } = await sql<RunRow>`select ${columns} from job_run where id = ${id} for update`.execute(
    tx.db,
  )
  return rows[0] ?? null
}

/** Runs of a project, newest first; `before` is the id of the last one already shown. */
export async function runsOf(
  tx: Tx,
  project: ProjectId,
  options: { readonly name?: string | undefined; readonly before: string | null; readonly limit: number },
): Promise<readonly RunRow[]> {
  const { rows } = await sql<RunRow>`select ${columns} from job_run
    where project = ${project} and (${options.name ?? null}::text is null or name = ${options.name ?? null})
      and (${options.before}::text is null or id < ${options.before})
    order by id desc limit ${options.limit}`.execute(tx.db)
  return rows
}

/** Runs whose log may still grow, or was not read to its end. */
export async function runsWithOpenLog(tx: Tx): Promise<readonly RunRow[]> {
  const { rows } = await sql<RunRow>`
    select ${columns} from job_run where allocation is not null and not log_complete order by id`.execute(
    tx.db,
  )
  return rows
}

/** The log was read to its end. */
export async function markLogComplete(tx: Tx, id: RunId): Promise<void> {
  await sql`update job_run set log_complete = true where id = ${id}`.execute(tx.db)
}

/** Another attempt begins, and with it another log to read. */
export async function reopenLog(tx: Tx, id: RunId): Promise<void> {
  await sql`update job_run set log_complete = false where id = ${id}`.execute(tx.db)
}

/**
 * Runs that have been paid for longer than their limit would still be asked about: all live ones that have
 * one.
 */
export async function limitedRuns(tx: Tx): Promise<readonly RunRow[]> {
  const { rows } = await sql<RunRow>`select ${columns} from job_run
    where time_limit_ms is not null and state in ('preparing', 'running', 'unreachable') order by id`.execute(
    tx.db,
  )
  return rows
}

/** Runs with a limit on what they may cost that are live or wait, of an organization. */
export async function costLimitedRuns(
  tx: Tx,
  organization: OrganizationId,
): Promise<readonly { readonly id: RunId; readonly costLimit: Nanos }[]> {
  const { rows } = await sql<{ id: RunId; costLimit: Nanos }>`
    select id, cost_limit_nanos as "costLimit" from job_run
    where organization = ${organization} and cost_limit_nanos is not null
      and state in ('queued', 'preparing', 'running', 'unreachable') order by id`.execute(tx.db)
  return rows
}

/** Writes a life; called by `transition` alone. */
export async function writeRunLife(tx: Tx, row: RunRow): Promise<void> {
  await sql`update job_run set intent = ${row.intent}, state = ${row.state}, outcome = ${row.outcome},
      exit_code = ${row.exitCode}, exit_signal = ${row.exitSignal}, out_of_memory = ${row.outOfMemory},
      reason = ${row.reason}, elsewhere_count = ${row.elsewhereCount}, exited_cleanly = ${row.exitedCleanly},
      allocation = ${row.allocation}, changed_at = ${at(row.changedAt)}, ended_at = ${at(row.endedAt)}
    where id = ${row.id}`.execute(tx.db)
}

/** Runs with a live allocation. */
export async function liveRuns(tx: Tx): Promise<readonly RunRow[]> {
  const { rows } = await sql<RunRow>`
    select ${columns} from job_run where allocation is not null order by id`.execute(tx.db)
  return rows
}
