import { renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { LoopHealth } from '../loops/runner.ts'
import type { RoleContext } from './context.ts'

/** Where the controller says how its loops are doing; the api shows it to the operator. */
export function loopHealthPath(dataDir: string): string {
  return join(dataDir, 'loops.json')
}

const everyMs = 2000

/** Writes the health of the loops every two seconds, by renaming, until the signal fires. */
export async function writeLoopHealth(
  { config, clock }: RoleContext,
  health: readonly LoopHealth[],
  signal: AbortSignal,
): Promise<void> {
  const path = loopHealthPath(config.dataDir)
  while (!signal.aborted) {
    writeFileSync(`${path}.new`, JSON.stringify({ at: clock.now(), loops: health }), { mode: 0o600 })
    renameSync(`${path}.new`, path)
    await clock.sleep(everyMs, signal).catch(() => {})
  }
}
