import { ApiError, type Client } from '@gpuhour/sdk/client'
import type { Instance, Run, Volume } from '@gpuhour/sdk/contract'
import { UsageError } from './command.ts'
import type { Context } from './context.ts'

function notFound(detail: string): ApiError {
  return new ApiError('not_found', 404, detail)
}

function missing(what: string, name: string, see: string): ApiError {
  return notFound(`There is no ${what} "${name}" in this project. See: ${see}.`)
}

async function instanceNamed(context: Context, client: Client, name: string): Promise<Instance | null> {
  const { id: project } = await context.project()
  const { items } = await client.listInstances({ params: { project }, query: { name: name.slice(0, 80) } })
  return items[0] ?? null
}

/** The runs of that name, the newest first. */
async function runsNamed(context: Context, client: Client, name: string): Promise<readonly Run[]> {
  const { id: project } = await context.project()
  const { items } = await client.listRuns({ params: { project }, query: { name: name.slice(0, 80) } })
  return items
}

/** The instance of that id or name. */
export async function pickInstance(context: Context, client: Client, name: string): Promise<Instance> {
  if (name.startsWith('run_')) throw notFound(`${name} is a run, not an instance. See: gpuhour ls --runs.`)
  if (name.startsWith('ins_')) return client.getInstance({ params: { instance: name } })
  const found = await instanceNamed(context, client, name)
  if (!found) throw missing('instance', name, 'gpuhour ls')
  return found
}

/** The run of that id, or the newest of that name. */
export async function pickRun(context: Context, client: Client, name: string): Promise<Run> {
  if (name.startsWith('run_')) return client.getRun({ params: { run: name } })
  const isInstance = name.startsWith('ins_')
  const [found] = isInstance ? [] : await runsNamed(context, client, name)
  if (found) return found
  if (isInstance || (await instanceNamed(context, client, name)))
    throw notFound(`${name} is an instance; logs are of runs: gpuhour ls --runs.`)
  throw missing('run', name, 'gpuhour ls --runs')
}

/** What can be stopped. */
export type Subject =
  | { readonly kind: 'instance'; readonly instance: Instance }
  | { readonly kind: 'run'; readonly run: Run }

/**
 * The instance of that id or name, else the run: the one that goes on where there is one, else the newest.
 * Two that go on are told apart by their ids only, unless it does no harm to take the newest.
 */
export async function pickSubject(
  context: Context,
  client: Client,
  name: string,
  options: { readonly isNewestMeant?: boolean } = {},
): Promise<Subject> {
  if (name.startsWith('run_')) return { kind: 'run', run: await client.getRun({ params: { run: name } }) }
  if (name.startsWith('ins_'))
    return { kind: 'instance', instance: await client.getInstance({ params: { instance: name } }) }
  const instance = await instanceNamed(context, client, name)
  if (instance) return { kind: 'instance', instance }
  const runs = await runsNamed(context, client, name)
  const [going, ...others] = runs.filter(({ endedAt }) => endedAt === null)
  if (going && others.length > 0 && !options.isNewestMeant) {
    const ids = [going, ...others].map(({ id }) => id).join(', ')
    throw new UsageError(`Several runs are called "${name}": ${ids}. Name one by its id.`)
  }
  const run = going ?? runs[0]
  if (!run) throw missing('instance or run', name, 'gpuhour ls, or gpuhour ls --runs')
  return { kind: 'run', run }
}

/** The volume of that id or name. */
export async function pickVolume(context: Context, client: Client, name: string): Promise<Volume> {
  if (name.startsWith('vol_')) return client.getVolume({ params: { volume: name } })
  const { id: project } = await context.project()
  const { items } = await client.listVolumes({ params: { project }, query: { name: name.slice(0, 80) } })
  const [found] = items
  if (!found) throw missing('volume', name, 'gpuhour volumes')
  return found
}

/** Every item of a list, page by page. */
export async function everyItem<T>(
  page: (
    cursor: string | undefined,
  ) => Promise<{ readonly items: readonly T[]; readonly next: string | null }>,
): Promise<T[]> {
  const all: T[] = []
  let cursor: string | undefined
  for (;;) {
    const { items, next } = await page(cursor)
    all.push(...items)
    if (next === null) return all
    cursor = next
  }
}
