import assert from 'node:assert/strict'
import { setTimeout as pause } from 'node:timers/promises'

/** Looks until there is something, at most so long; then fails, and says what was seen instead. */
export async function until<T>(
  what: string,
  look: () => T | null | false | undefined | Promise<T | null | false | undefined>,
  {
    withinMs = 60_000,
    everyMs = 25,
    seen = () => '',
  }: { withinMs?: number; everyMs?: number; seen?: () => string } = {},
): Promise<T> {
  const begun = performance.now()
  for (;;) {
    const found = await look()
    if (found !== null && found !== false && found !== undefined) return found
    const elapsedMs = Math.round(performance.now() - begun)
    assert.ok(elapsedMs < withinMs, `waited ${elapsedMs} ms for this: ${what}\n${seen()}`)
    await pause(everyMs)
  }
}
