import { finalRunStates, type LogLine, type Run, type RunState } from '@gpuhour/sdk/contract'
import * as catalog from '../catalog/catalog.ts'
import * as jobs from '../jobs/jobs.ts'
import { notFound } from '../kernel/errors.ts'
import { asId, type RunId } from '../kernel/ids.ts'
import { nanos } from '../kernel/money.ts'
import * as storage from '../storage/storage.ts'
import type { Tx } from '../store/store.ts'
import { may, type Principal } from '../tenancy/rules.ts'
import * as tenancy from '../tenancy/tenancy.ts'
import { projectFor, requireIn, runFor } from './access.ts'
import { type Handlers, made, ok, type StreamEvent } from './calls.ts'
import { type PlaceFacts, subjectFacts, type SubjectFacts } from './facts.ts'
import { followSubject, resumeAfter } from './follow.ts'
import { requireFunds } from './funds.ts'
import { placeOf } from './instances.ts'
import { openLog } from './logs.ts'
import { decodeCursor, pageOf } from './pages.rules.ts'
import type { ApiParts } from './parts.ts'
import { allocationView, costView, shown, waitingView } from './views.rules.ts'

function isFinal(state: RunState): boolean {
  return finalRunStates.includes(state)
}

function cancelPermission(row: jobs.RunRow, principal: Principal): Run['actions']['cancel'] {
  const { organization, project } = row
  if (may(principal, 'compute', { kind: 'project', organization, project }) !== 'yes')
    return { allowed: false, why: 'Your role or key does not allow this.' }
  const isOver = isFinal(row.state) || row.intent === 'stopped'
  return { allowed: !isOver, why: isOver ? 'It is over, or on its way there.' : null }
}

function endingOf(row: jobs.RunRow): Run['ending'] {
  const hasEnded = isFinal(row.state) || row.exitCode !== null || row.exitSignal !== null
  const { reason, exitCode, exitSignal: signal, outOfMemory } = row
  return hasEnded ? { reason, exitCode, signal, outOfMemory } : null
}

function view(
  row: jobs.RunRow,
  place: PlaceFacts,
  facts: SubjectFacts,
  volume: storage.VolumeRow | null,
  principal: Principal,
): Run {
  const { id, project, name, flavor, command, createdBy, intent, state, timeLimitMs, costLimit } = row
  const shape = place.flavors.get(flavor)
  return {
    id,
    project,
    name,
    image: `${row.image}:${row.version}`,
    flavor,
    cpus: facts.allocations.at(-1)?.cpus ?? shape?.cpus ?? 0,
    gpu: shape?.gpuModel ? { model: shape.gpuModel, count: shape.gpuCount } : null,
    command: [...command],
    volume: volume && { id: volume.id, name: volume.name },
    timeLimitSeconds: timeLimitMs === null ? null : Number(timeLimitMs / 1000n),
    costLimitNanos: costLimit === null ? null : String(costLimit),
    createdBy,
    intent,
    state,
    waiting: waitingView(facts),
    ending: endingOf(row),
    allocation: allocationView(place, facts),
    cost: costView(place, facts, row, 0n),
    isLogComplete: row.logComplete,
    actions: { cancel: cancelPermission(row, principal) },
    createdAt: shown(row.createdAt),
    changedAt: shown(row.changedAt),
    endedAt: shown(row.endedAt),
  }
}

/** Runs as this principal sees them now. */
export async function runViews(
  tx: Tx,
  rows: readonly jobs.RunRow[],
  place: PlaceFacts,
  principal: Principal,
): Promise<Run[]> {
  const factsOf = await subjectFacts(tx, rows)
  const volumes = await storage.volumesById(
    tx,
    rows.flatMap(({ volume }) => volume ?? []),
  )
  const volumeOf = ({ volume }: jobs.RunRow) => (volume && volumes.get(volume)) ?? null
  return rows.map((row) => view(row, place, factsOf(row), volumeOf(row), principal))
}

/** One of them. */
export async function runView(
  tx: Tx,
  row: jobs.RunRow,
  place: PlaceFacts,
  principal: Principal,
): Promise<Run> {
  const factsOf = await subjectFacts(tx, [row])
  return view(row, place, factsOf(row), row.volume && (await storage.volume(tx, row.volume)), principal)
}

/** A name from the command, where none was given: `python train.py` is `train`. */
export function nameOf(command: readonly string[]): string {
  const script = command.find((word) => /\.(py|sh)$/.test(word)) ?? command[0] ?? ''
  const base = script.split('/').at(-1) ?? ''
  const plain = base
    .replace(/\.[^.]*$/, '')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
  return (
    plain
      .replace(/^[^a-z]+/, '')
      .slice(0, 40)
      .replace(/-+$/, '') || 'run'
  )
}

function createHandler({ store }: ApiParts): Handlers['createRun'] {
  return async ({ principal, params, body, requestHash, requestId }) => {
    const { created, view } = await store.transact(async (tx) => {
      const project = await projectFor(tx, principal, 'compute', params.project)
      const { image, version } = await catalog.resolveImage(tx, body.image)
      await catalog.resolveFlavor(tx, body.flavor)
      const { organization } = project
      const volume = body.volume === null ? null : await storage.volumeByName(tx, project.id, body.volume)
      if (body.volume !== null && !volume) throw notFound('volume', body.volume)
      const id = asId('run', body.id)
      const name = body.name ?? nameOf(body.command)
      const by = { askedBy: principal.person, askedKey: principal.key?.id ?? null }
      const asked = { ...by, subject: id, project: project.id, job: name }
      const costLimit = body.costLimitNanos === null ? null : nanos(BigInt(body.costLimitNanos))
      const wanted = { flavor: body.flavor, image }
      if (!(await jobs.run(tx, id))) await requireFunds(tx, organization, wanted, asked, costLimit)
      const answer = await jobs.create(tx, {
        id,
        organization,
        project: project.id,
        name,
        image,
        version,
        flavor: body.flavor,
        command: body.command,
        environment: body.environment,
        volume: volume?.id ?? null,
        timeLimitMs: body.timeLimitSeconds === null ? null : BigInt(body.timeLimitSeconds) * 1000n,
        costLimit,
        createdBy: principal.person,
        askedKey: by.askedKey,
        requestHash,
      })
      // The environment may hold secrets: what is kept of it is in the digest only.
      const change = { organization, principal, action: 'run.create', target: id, requestId, after: body }
      if (answer.created) await tenancy.audit(tx, change)
      return {
        created: answer.created,
        view: await runView(tx, answer.run, await placeOf(tx, project), principal),
      }
    })
    return made(created, view)
  }
}

/** Without a nudge the log is looked at again after this long, in ms. */
const lookAgainMs = 1_000

interface LogFollowing {
  readonly isFollowed: boolean
  readonly signal: AbortSignal
  /** Throws where whoever follows may read it no more. */
  requireRead(): Promise<void>
}

/** A run's output from its files: lines with their numbers, then the end once all of it is there. */
async function* followLog(
  { store, nudges, dataDir }: ApiParts,
  run: RunId,
  after: number,
  { isFollowed, signal, requireRead }: LogFollowing,
): AsyncGenerator<readonly StreamEvent<'followRunLog'>[]> {
  const nudged = nudges.follow(['logs', 'compute'], (id) => id === run)
  const log = openLog(dataDir, run, after)
  let last = after
  try {
    while (!signal.aborted) {
      // Asked before the file is read: what was complete then is read whole now.
      const isComplete = await store.read((tx) => isLogComplete(tx, run))
      for (let lines = await log.read(); lines.length > 0; lines = await log.read()) {
        last = lines.at(-1)?.n ?? last
        await requireRead()
        yield lines.map(lineEvent)
        signal.throwIfAborted()
      }
      await requireRead()
      if (isComplete || !isFollowed) return yield [{ event: 'end', data: { lines: last } }]
      await nudged.wait(lookAgainMs, signal).catch(() => {})
    }
  } finally {
    nudged.close()
    await log.close()
  }
}

function lineEvent(data: LogLine): StreamEvent<'followRunLog'> {
  return { event: 'line', data, id: String(data.n) }
}

/** All of it is on disk, or all that will ever be: of a run that is over nobody reads on. */
async function isLogComplete(tx: Tx, id: RunId): Promise<boolean> {
  const row = await jobs.run(tx, id)
  return !row || row.logComplete || isFinal(row.state)
}

type RunRoutes = 'listRuns' | 'createRun' | 'getRun' | 'cancelRun' | 'followRun' | 'followRunLog'

/** Everything about runs. */
export function runHandlers(parts: ApiParts): Pick<Handlers, RunRoutes> {
  const { store } = parts
  return {
    createRun: createHandler(parts),

    listRuns: async ({ principal, params, query }) =>
      ok(
        await store.read(async (tx) => {
          const project = await projectFor(tx, principal, 'read', params.project)
          const before = decodeCursor(query.cursor, /^run_[0-9a-z]{1,60}$/)
          const rows = await jobs.runsOf(tx, project.id, {
            name: query.name,
            before,
            limit: query.limit + 1,
          })
          const place = await placeOf(tx, project)
          const { items, next } = pageOf(
            rows,
            query.limit,
            ({ id }) => id,
            (row) => row,
          )
          return { items: await runViews(tx, items, place, principal), next }
        }),
      ),

    getRun: async ({ principal, params }) =>
      ok(
        await store.read(async (tx) => {
          const row = await runFor(tx, principal, 'read', params.run)
          return runView(tx, row, await placeOf(tx, row), principal)
        }),
      ),

    cancelRun: async ({ principal, params, requestId }) =>
      ok(
        await store.transact(async (tx) => {
          const before = await runFor(tx, principal, 'compute', params.run)
          const row = await jobs.cancel(tx, before.id, principal.person)
          const { organization, id: target } = row
          const change = { organization, principal, action: 'run.cancel', target, requestId }
          await tenancy.audit(tx, { ...change, before: before.state, after: row.state })
          return runView(tx, row, await placeOf(tx, row), principal)
        }),
      ),

    followRun: async ({ principal: first, principalNow, params, lastEventId, signal }) => {
      const { id } = await store.read((tx) => runFor(tx, first, 'read', params.run))
      const following = { subject: id, lastEventId, signal, principalNow }
      return followSubject(parts, following, async (tx, principal) => {
        const row = await runFor(tx, principal, 'read', id)
        return { event: 'run' as const, data: await runView(tx, row, await placeOf(tx, row), principal) }
      })
    },

    followRunLog: async ({ principal, principalNow, params, query, lastEventId, signal }) => {
      const row = await store.read((tx) => runFor(tx, principal, 'read', params.run))
      const isFollowed = query.follow === 'true'
      const requireRead = async (): Promise<void> =>
        requireIn(await principalNow(), 'read', row, 'run', row.id)
      return followLog(parts, row.id, resumeAfter(lastEventId), { isFollowed, signal, requireRead })
    },
  }
}
