import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import type { Instant } from '../kernel/time.ts'

/** The controller writes its health every two seconds; after so long it is not running. */
const controllerSilenceMs = 15_000

const healthSchema = z.object({
  at: z.number(),
  loops: z.array(
    z.object({
      name: z.string(),
      passes: z.number(),
      failures: z.number(),
      lastReport: z.record(z.string(), z.unknown()).nullable(),
      lastError: z.string().nullable(),
    }),
  ),
})

/** What the controller last said of its loops. */
export type Health = z.infer<typeof healthSchema>

/** The health of the loops; null where a controller has never said any. */
export async function loopHealth(dataDir: string): Promise<Health | null> {
  const text = await readFile(join(dataDir, 'loops.json'), 'utf8').catch(() => null)
  const parsed = text === null ? null : healthSchema.safeParse(JSON.parse(text))
  return parsed?.success ? parsed.data : null
}

/** Does a controller run? */
export function isControlled(health: Health | null, now: Instant): boolean {
  return health !== null && now - health.at < controllerSilenceMs
}

/** Are the nodes looked at? Only then does it say something that one does not answer. */
export function isWatched(health: Health | null, now: Instant): boolean {
  const observer = health?.loops.find(({ name }) => name === 'observer')
  return isControlled(health, now) && observer !== undefined && observer.passes > 0 && !observer.lastError
}
