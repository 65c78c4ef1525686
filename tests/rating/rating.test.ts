import assert from 'node:assert/strict'
import { test } from 'node:test'
import { lifeOf } from './histories.ts'
import { differenceIn, ratingAt } from './judge.ts'
import { paidTicks } from './oracle.ts'

/** More than this many spells of paid time are put to both. */
const spellsWanted = 100_000

/** Of so many lives one is asked about its leases, too. */
const leasesEvery = 40

test('a hundred thousand spells: rating and oracle agree on every nano and millisecond', async () => {
  const rating = await ratingAt(new URL('../../server/src/', import.meta.url))
  let spells = 0
  for (let index = 0; spells < spellsWanted; index += 1) {
    const life = lifeOf(`life ${index}`)
    const difference = differenceIn(rating, life, index % leasesEvery === 0 ? 'everything' : 'amounts')
    if (difference)
      assert.fail(`life ${index}: ${JSON.stringify(difference, shown)}\n${JSON.stringify(life, shown)}`)
    spells += new Set(paidTicks(life.events, life.tickMs, life.ticks)).size - 1
  }
  assert.ok(spells >= spellsWanted)
})

function shown(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return `${value}n`
  return value instanceof Error ? (value.stack ?? value.message) : value
}
