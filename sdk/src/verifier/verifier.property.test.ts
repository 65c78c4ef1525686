import assert from 'node:assert/strict'
import { test } from 'node:test'

import fc from 'fast-check'

import type { Json, JsonMembers, Plan } from './made_bundle.ts'
import { madeBundle, madeLines, madeRate, members, objectsIn } from './made_bundle.ts'
import type { Verdict } from './verifier.ts'
import { sentenceOf, verifyBill } from './verifier.ts'

/** Not a divisor of a second, so that running sums end in the midst of one. */
const tickMs = 333
/** Longer than the 60 s by which `ready` may be late are not needed: 90 ticks are 30 s. */
const horizon = 90

const lateTypes = [
  'contact_lost',
  'stop_accepted',
  'exited',
  'lease_ended',
  'fault',
  'released',
  'note',
  'ready',
]

/** Steps of time between recordings, each with a type and how far back it reaches. */
const allocationHistory = fc
  .array(
    fc.record({
      type: fc.oneof(
        { weight: 4, arbitrary: fc.constantFrom('ready', 'seen_again', 'contact_lost') },
        {
          weight: 1,
          arbitrary: fc.constantFrom('stop_accepted', 'exited', 'lease_ended', 'fault', 'note', 'released'),
        },
      ),
      step: fc.nat(12),
      back: fc.oneof(fc.constant(0), fc.nat(30)),
    }),
    { maxLength: 12 },
  )
  .map((steps) => {
    let now = 0
    return steps.map(({ type, step, back }) => {
      now += step
      const at = lateTypes.includes(type) ? Math.max(0, now - back) : now
      return `${type} ${at}@${now}`
    })
  })

const storageHistory = fc
  .record({
    changes: fc.array(
      fc.record({ step: fc.nat(20), size: fc.integer({ min: 1, max: 99 }), book: fc.nat(2) }),
      {
        maxLength: 6,
      },
    ),
    isDeleted: fc.boolean(),
    late: fc.nat(9),
  })
  .map(({ changes, isDeleted, late }) => {
    let now = 0
    const parts = changes.map(({ step, size, book }) => {
      now += step
      return book === 0 ? `resized ${now} ${size}` : `repriced ${now} pb_${book}`
    })
    return isDeleted ? [...parts, `deleted ${now}@${now + late}`, `note 0@${now + late + 1}`] : parts
  })

const plan: fc.Arbitrary<Plan> = fc
  .record({
    one: allocationHistory,
    other: allocationHistory,
    volume: storageHistory,
    lines: fc.constantFrom('gpu*1', 'gpu*3 cpu*7', 'cpu*2'),
    settledAt: fc.uniqueArray(fc.integer({ min: 1, max: horizon }), { maxLength: 12 }),
    from: fc.integer({ min: 0, max: horizon - 1 }),
    length: fc.integer({ min: 1, max: horizon }),
  })
  .map(({ one, other, volume, lines, settledAt, from, length }) => ({
    histories: {
      alo_a: [`allocated 0 ${lines}`, ...one].join(' | '),
      alo_b: [`allocated 0 book=pb_2 ${lines}`, ...other].join(' | '),
      vol_a: ['created 0 pb_1 9', ...volume].join(' | '),
    },
    from,
    to: from + length,
    settledAt,
    tickMs,
  }))

async function verdictOn(bundle: JsonMembers, rateOnly = false): Promise<Verdict> {
  const result = await verifyBill(JSON.stringify(bundle), { rateOnly })
  assert.ok(!('unreadable' in result))
  return result
}

const runs = { numRuns: 400 }

test('the fold agrees with an oracle that walks along time tick by tick', async () => {
  await fc.assert(
    fc.asyncProperty(plan, async (made) => {
      const bundle = await madeBundle(made)
      const verdict = await verdictOn(bundle)
      assert.equal(verdict.verified, true, sentenceOf(verdict))
      const shown = new Set(objectsIn(bundle['events']).map(({ resource }) => resource))
      const expected = madeLines(made).filter(({ resource }) => shown.has(resource))
      assert.deepEqual(
        verdict.recomputed,
        expected.map(({ resource, sku, priceBook, unitMillis }) => {
          const sum = unitMillis(made.to)
          const amount = (madeRate(made, priceBook, sku) * (sum / 1000n)) / 3600n
          return { resource, sku, priceBook, unitMillis: String(sum), amount: String(amount) }
        }),
      )
      const rated = await verdictOn(bundle, true)
      assert.deepEqual([rated.verified, rated.recomputed], [null, verdict.recomputed])
    }),
    runs,
  )
})

test('settling at other instants changes no total', async () => {
  await fc.assert(
    fc.asyncProperty(plan, fc.uniqueArray(fc.integer({ min: 1, max: horizon })), async (made, settledAt) => {
      const [one, other] = [await madeBundle(made), await madeBundle({ ...made, settledAt })]
      assert.equal((await verdictOn(other)).verified, true)
      assert.equal(one['total'], other['total'])
    }),
    runs,
  )
})

test('two periods add up to the whole, which follows from the first', async () => {
  await fc.assert(
    fc.asyncProperty(plan, fc.integer({ min: 1, max: horizon - 1 }), async (made, cut) => {
      const boundaries = { ...made, from: 0, to: horizon, settledAt: [...(made.settledAt ?? []), cut] }
      const whole = await madeBundle(boundaries)
      const first = await madeBundle({ ...boundaries, to: cut })
      const second = await madeBundle({ ...boundaries, from: cut })
      const total = (bundle: JsonMembers) => BigInt(String(bundle['total']))
      assert.equal(total(first) + total(second), total(whole))
      for (const bundle of [whole, second]) {
        const result = await verifyBill(JSON.stringify(bundle), { after: JSON.stringify(first) })
        assert.ok(!('unreadable' in result))
        assert.equal(result.verified, true, sentenceOf(result))
      }
    }),
    { numRuns: 150 },
  )
})

type Path = readonly (string | number)[]

/** Every value in a document that is no object or array, by its path. */
function leavesOf(json: Json, path: Path = []): { readonly path: Path; readonly value: Json }[] {
  if (json === null || typeof json !== 'object') return [{ path, value: json }]
  if (Array.isArray(json)) return json.flatMap((member, index) => leavesOf(member, [...path, index]))
  return Object.entries(json).flatMap(([name, member]) => leavesOf(member, [...path, name]))
}

function withLeaf(json: Json, path: Path, value: Json): Json {
  const [step, ...rest] = path
  if (step === undefined) return value
  if (Array.isArray(json))
    return json.map((member, index) => (index === step ? withLeaf(member, rest, value) : member))
  return { ...members(json), [step]: withLeaf(members(json)[step] ?? null, rest, value) }
}

/** No hash covers these and no sum depends on them: only a comparison with another bundle can tell. */
function isFree(path: Path): boolean {
  const last = String(path.at(-1))
  if (path.length === 1) return ['organization', 'from', 'to'].includes(last)
  return path[0] === 'charges' && ['id', 'upTo', 'reason'].includes(last)
}

/** Another value of the same shape. */
function otherThan(value: Json): Json {
  if (typeof value === 'number') return value + 1
  if (typeof value === 'boolean') return !value
  if (typeof value !== 'string') return 'x'
  if (/^[0-9a-f]{64}$/.test(value)) return `${value.startsWith('0') ? '1' : '0'}${value.slice(1)}`
  if (value.endsWith('Z')) return value.replace(/[0-9]Z$/, (digit) => (digit === '0Z' ? '1Z' : '0Z'))
  if (/^-?[0-9]+$/.test(value)) return String(BigInt(value) + 1n)
  return `${value}x`
}

test('no field can be changed without being noticed', async () => {
  await fc.assert(
    fc.asyncProperty(plan, fc.nat(), fc.constantFrom('other', 'null', 'text'), async (made, place, how) => {
      const bundle = await madeBundle(made)
      const leaves = leavesOf(bundle).filter(({ path }) => !isFree(path) && path[0] !== 'format')
      const leaf = leaves[place % leaves.length]
      if (leaf === undefined) return
      const value = { other: otherThan(leaf.value), null: null, text: 'x' }[how]
      if (value === leaf.value) return
      const verdict = await verdictOn(members(withLeaf(bundle, leaf.path, value)))
      assert.notEqual(verdict.firstDifference, null, `${leaf.path.join('.')} = ${JSON.stringify(value)}`)
    }),
    { numRuns: 600 },
  )
})

test('the order of names and the spaces between them mean nothing', async () => {
  const shuffled = (json: Json): Json => {
    if (json === null || typeof json !== 'object') return json
    if (Array.isArray(json)) return json.map(shuffled)
    return Object.fromEntries(
      Object.entries(json)
        .map(([name, member]) => [name, shuffled(member)] as const)
        .reverse(),
    )
  }
  await fc.assert(
    fc.asyncProperty(plan, fc.nat(4), async (made, spaces) => {
      const bundle = await madeBundle(made)
      const again = JSON.stringify(shuffled(bundle), null, spaces)
      assert.deepEqual(await verdictOn(bundle), await verifyBill(again))
    }),
    { numRuns: 50 },
  )
})
