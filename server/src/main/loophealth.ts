import { renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { LoopHealth } from '../loops/runner.ts'
import type { RoleContext } from './context.ts'

/** Where the controller says how its loops are doing; the api shows it to the operator. */
export function loopHealthPath(dataDir: string): string {
  return join(dataDir, 'loops.json')
}

const everyMs = 2000

/**
 * Writes the health of the loops every two seconds, by renaming, until the signal fires. Where it cannot, on
 * a full disk say, the operator sees old figures; the loops are not ended for that.
 */
export async function writeLoopHealth(
  { config, clock, log }: RoleContext,
  health: readonly LoopHealth[],
  signal: AbortSignal,
): Promise<void> {
  const path = loopHealthPath(config.dataDir)
  let isWritten = true
  while (!signal.aborted) {
    try {
      writeFileSync(`${path}.new`, JSON.stringify({ at: clock.now(), loops: health }), { mode: 0o600 })
      renameSync(`${path}.new`, path)
      isWritten = true
    } catch (error) {
      // Said once for as long as it lasts: a full disk is not made fuller.
      if (isWritten) log.warn({ err: error }, 'cannot write how the loops are doing')
      isWritten = false
    }
    await clock.sleep(everyMs, signal).catch(() => {})
  }
}
