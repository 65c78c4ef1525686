import { ApiError, type Client } from '@gpuhour/sdk/client'
import type { Instance, Run, Volume } from '@gpuhour/sdk/contract'
import type { Context } from './context.ts'

function missing(what: string, name: string): ApiError {
  return new ApiError('not_found', 404, `There is no ${what} "${name}" in this project. See: gpuhour ls.`)
}

/** The instance of that id or name. */
export async function pickInstance(context: Context, client: Client, name: string): Promise<Instance> {
  if (name.startsWith('ins_')) return client.getInstance({ params: { instance: name } })
  const { id: project } = await context.project()
  const { items } = await client.listInstances({ params: { project }, query: { name: name.slice(0, 80) } })
  const [found] = items
  if (!found) throw missing('instance', name)
  return found
}

/** The run of that id, or the newest of that name. */
export async function pickRun(context: Context, client: Client, name: string): Promise<Run> {
  if (name.startsWith('run_')) return client.getRun({ params: { run: name } })
  const { id: project } = await context.project()
  const { items } = await client.listRuns({ params: { project }, query: { limit: 200 } })
  const found = items.find((run) => run.name === name)
  if (!found) throw missing('run', name)
  return found
}

/** The volume of that id or name. */
export async function pickVolume(context: Context, client: Client, name: string): Promise<Volume> {
  if (name.startsWith('vol_')) return client.getVolume({ params: { volume: name } })
  const { id: project } = await context.project()
  const { items } = await client.listVolumes({ params: { project }, query: { name: name.slice(0, 80) } })
  const [found] = items
  if (!found) throw missing('volume', name)
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
