import type { Clock } from '../kernel/clock.ts'
import type { Config } from './config.ts'
import type { Printer } from './progress.ts'

export async function provisionEngine(_options: {
  config: Config
  printer: Printer
  signal: AbortSignal
  clock: Clock
}): Promise<{ description: string }> {
  return { description: 'unchecked' }
}
