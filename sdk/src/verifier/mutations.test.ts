import assert from 'node:assert/strict'
import { test } from 'node:test'

import type { Json, JsonMembers, Plan } from './made_bundle.ts'
import { instantText, madeBundle, members, objectsIn, seal } from './made_bundle.ts'
import type { VerifyResult } from './verifier.ts'
import { verifyBill } from './verifier.ts'

/** Everything once: two places in turn, a late fault, storage that grows, is repriced and found deleted. */
const plan: Plan = {
  histories: {
    alo_a: `allocated 0 for=ins_1 gpu*2 cpu*7 | ready 10 | contact_lost 40@100 | seen_again 120
      | stop_accepted 300 | released 310`,
    alo_b: 'allocated 320 for=ins_1 | ready 325@330 | exited 400@405 | note 330@406',
    alo_c: 'allocated 5 | ready 8 | stop_accepted 200 | fault 100@450',
    snp_a: 'created 50 pb_1 9',
    vol_a: 'created 3 pb_1 50 | resized 60 75 | repriced 90 pb_2 | deleted 500@520 | note 480@530',
  },
  from: 110,
  to: 600,
  settledAt: [50, 250, 350, 430, 460],
}

/**
 * One change a row: the kind it leads to, and `path = value`, `path delete` or `path swap other`. `@5` is the
 * instant of tick 5. `raw` leaves the hashes as they are, `rehash` leaves `prevHash`, else both are made
 * anew.
 *
 * events: 0–5 alo_a, 6–9 alo_b, 10–13 alo_c, 14 snp_a, 15–19 vol_a. charges: those of alo_a first, cpu, gpu.
 */
const table = String.raw`
none       | raw organization = "org_2"
none       | events.9.data = {"any":[{"thing":null},"é😀",-5,true],"__x":{"":{}}}
none       | events.5.data = {"why":"x"}
none       | events.8.data.exitCode = null
none       | events.8.data.exitCode = -9007199254740991
none       | events.8.data.signal = "TERM"
none       | events.8.data.signal = 15
none       | events.8.data.outOfMemory = true
none       | events.4.data.reason = "operator"
none       | events.4.data.reason = "time_limit"
none       | events.13.data.evidence = " "
none       | events.0.data.for = "job_1"
none       | events.6.data.rank = 9007199254740991
none       | charges.0.id = "0"
none       | priceBooks.0.rates.0.unit = "gib-hour"
none       | priceBooks.0.effectiveFrom = @0

schema     | organization delete
schema     | organization = null
schema     | organization = "Org"
schema     | organization = ""
schema     | organization = "o rg"
schema     | organization = "org_é"
schema     | organization = "${'a'.repeat(81)}"
none       | organization = "${'a'.repeat(80)}"
schema     | currency = "usd"
schema     | currency = "US"
schema     | currency = "USDT"
schema     | from = @600
schema     | from = @601
schema     | from = "2026-03-01"
schema     | to = "2026-02-30T00:00:00.000Z"
schema     | to = 5
schema     | extra = null
schema     | total delete
schema     | total = 5
schema     | total = "-0"
schema     | total = "+1"
schema     | total = "01"
schema     | total = ""
schema     | total = "1.0"
schema     | total = " 1"
schema     | total = "${'9'.repeat(39)}"
schema     | total = null
schema     | charges delete
schema     | charges = {}
schema     | charges = null
schema     | events = {}
schema     | events delete
schema     | priceBooks delete
schema     | priceBooks = "x"

schema     | priceBooks.0 = null
schema     | priceBooks.0.id = ""
schema     | priceBooks.0.id delete
schema     | priceBooks.0.extra = 1
schema     | priceBooks.0.currency = "usd"
schema     | priceBooks.0.effectiveFrom = "0000-01-01T00:00:00.000Z"
schema     | priceBooks.0.rates = {}
schema     | priceBooks.0.rates.0 = "x"
schema     | priceBooks.0.rates.0.unit = "gpu"
schema     | priceBooks.0.rates.0.unit delete
schema     | priceBooks.0.rates.0.nanos = "-1"
schema     | priceBooks.0.rates.0.nanos = 5
schema     | priceBooks.0.rates.0.nanos = "01"
schema     | priceBooks.0.rates.0.sku = "GPU"
schema     | priceBooks.0.rates.0.extra = 1
schema     | raw priceBooks.0.hash = "0"
schema     | raw priceBooks.0.hash = "${'A'.repeat(64)}"
schema     | raw priceBooks.0.hash delete
schema     | priceBooks.0 swap priceBooks.1
schema     | priceBooks.1.id = "pb_1"
schema     | priceBooks.1.id = "pb_3"
schema     | priceBooks.+ = {"id":"pb_9","currency":"USD","effectiveFrom":"2026-01-01T00:00:00.000Z","rates":[],"hash":""}

schema     | events.0 = 5
schema     | events.0.extra = 1
schema     | events.0.resource = "ins_a"
schema     | events.0.resource = "alo a"
schema     | events.0.seq = 0
schema     | events.0.seq = "1"
schema     | events.0.seq = -1
schema     | events.0.seq delete
schema     | events.0.type = "created"
schema     | events.0.type = "began"
schema     | events.0.type = ""
schema     | events.0.type = 1
schema     | events.14.type = "allocated"
schema     | events.17.type = "released"
schema     | events.0.at = "2026-03-01T00:00:00Z"
schema     | events.0.at = 0
schema     | events.0.recordedAt delete
schema     | events.0.data = null
schema     | events.0.data = []
schema     | events.0.data delete
schema     | raw events.0.prevHash = ""
schema     | raw events.0.hash = "${'F'.repeat(64)}"
schema     | raw events.1.hash = "${'0'.repeat(63)}"
schema     | events.0.data.extra = 1
schema     | events.0.data.for delete
schema     | events.0.data.for = ""
schema     | events.0.data.rank = -1
schema     | events.0.data.rank = "0"
schema     | events.0.data.rank = null
schema     | events.0.data.project = 5
schema     | events.0.data.flavor = ""
schema     | events.0.data.priceBook = null
schema     | events.0.data.lines = {}
schema     | events.0.data.lines.0 = []
schema     | events.0.data.lines.0.quantity = 0
schema     | events.0.data.lines.0.quantity = "1"
schema     | events.0.data.lines.0.extra = 1
schema     | events.0.data.lines.1.sku = "gpu"
schema     | events.1.data.x = 1
schema     | events.2.data.x = 1
schema     | events.3.data.x = {}
schema     | events.4.data = {}
schema     | events.4.data.reason = "fault"
schema     | events.4.data.reason = ""
schema     | events.5.data = []
schema     | events.8.data.exitCode = "0"
schema     | events.8.data.exitCode delete
schema     | events.8.data.signal = ""
schema     | events.8.data.signal = true
schema     | events.8.data.outOfMemory = null
schema     | events.8.data.outOfMemory = 0
schema     | events.9.data = "text"
schema     | events.13.data.evidence = ""
schema     | events.13.data.evidence = null
schema     | events.14.data.sizeGib = 0
schema     | events.14.data.sku = ""
schema     | events.14.data.project delete
schema     | events.14.data.extra = 0
schema     | events.16.data.sizeGib = -5
schema     | events.16.data.priceBook = "pb_1"
schema     | events.17.data = {}
schema     | events.18.data.reason = "x"
schema     | events.0 swap events.1
schema     | events.9 swap events.10
schema     | events.14 swap events.15

schema     | charges.0 = null
schema     | charges.0.extra = 1
schema     | charges.0.id = "chg 1"
schema     | charges.0.id delete
schema     | charges.1.id = "chg_alo_a.cpu.pb_1.50"
schema     | charges.0.resource = ""
schema     | charges.0.sku = null
schema     | charges.0.priceBook = "PB"
schema     | charges.0.upTo = "later"
schema     | charges.0.unitMillisBefore = "-1"
schema     | charges.0.unitMillisBefore = 0
schema     | charges.0.unitMillis = "0"
schema     | charges.0.unitMillis = "-0"
schema     | charges.0.nanos = "0x1"
schema     | charges.0.nanos = "-1"
schema     | charges.0.amount = "1e3"
schema     | charges.0.amount delete
schema     | charges.0.reason = ""
schema     | charges.0.reason = "because"
schema     | charges.0.reason delete
schema     | charges.0.reason = false
schema     | charges.0.unitMillis = "-5"
schema     | charges.0 swap charges.9
schema     | charges.0.sku = "gpu"
schema     | charges.0.resource = "alo_b"

sequence   | events.0.seq = 2
sequence   | events.1.seq = 1
sequence   | events.5.seq = 7
sequence   | events.14.seq = 2
sequence   | events.0.type = "note"
sequence   | events.14 = {"resource":"snp_a","seq":1,"type":"resized","at":@120,"recordedAt":@120,"data":{"sizeGib":5},"prevHash":"","hash":""}
sequence   | events.0.at = @0.001
charge     | events.1.at = @9.999
sequence   | events.1.at = @10.001
sequence   | events.6.at = @319.999
sequence   | events.6.recordedAt = @320.001
charge     | events.7.at = @320
sequence   | events.7.recordedAt = @385.001
charge     | events.7.recordedAt = @385
sequence   | events.7.at = @331
sequence   | events.2.at = @100.001
sequence   | events.3.at = @119.999
sequence   | events.3.recordedAt = @119
sequence   | events.5.recordedAt = @299
sequence   | events.8.at = @319.999
sequence   | events.9.at = @319
none       | events.9.at = @320
sequence   | events.9.at = @407
sequence   | events.13.recordedAt = @600
sequence   | events.13.at = @4.999
sequence   | events.16.at = @59.999
sequence   | events.17.at = @89
sequence   | events.18.at = @89.999
sequence   | events.19.at = @2
sequence   | events.19.type = "deleted"; events.19.data = {}
sequence   | events.18.at = @520; events.19.at = @520; events.19.recordedAt = @520; events.19.type = "resized"; events.19.data = {"sizeGib":5}
sequence   | events.19.recordedAt = @519
sequence   | events.19.recordedAt = @600
schema     | events.17 swap events.18
sequence   | events.17 swap events.18; events.17.seq = 3; events.18.seq = 4
sequence   | events.10.data.for = "ins_1"
none       | events.10.data = {"for":"ins_1","rank":1,"project":"prj_1","flavor":"f","priceBook":"pb_1","lines":[{"sku":"gpu","quantity":1}]}

hash       | rehash events.0.prevHash = "${'1'.repeat(64)}"
hash       | rehash events.1.prevHash = "${'0'.repeat(64)}"
hash       | rehash events.6.prevHash = "${'1'.repeat(64)}"
hash       | rehash events.4.data.reason = "idle"
hash       | raw events.0.prevHash = "${'1'.repeat(64)}"
hash       | raw events.1.prevHash = "${'0'.repeat(64)}"
hash       | raw events.6.prevHash = "${'1'.repeat(64)}"
hash       | raw events.19.hash = "${'0'.repeat(64)}"
hash       | raw events.0.hash = "${'0'.repeat(64)}"
hash       | raw events.0.data.project = "prj_2"
hash       | raw events.9.data.x = 1
hash       | raw events.2.at = @41
hash       | raw events.16.data.sizeGib = 74
hash       | raw events.13.data.evidence = "XID 80"
hash       | raw events.4.type = "lease_ended"; events.4.data = {}

price_book | raw priceBooks.0.hash = "${'0'.repeat(64)}"
price_book | raw priceBooks.1.rates.0.nanos = "0"
price_book | raw priceBooks.0.effectiveFrom = "2025-12-31T23:59:59.999Z"
price_book | priceBooks.0.currency = "EUR"
price_book | currency = "EUR"
price_book | priceBooks.0.rates.1.sku = "gpu"
price_book | priceBooks.0.rates.+ = {"sku":"gpu","unit":"gpu-hour","nanos":"2990000000"}
price_book | priceBooks.1.effectiveFrom = @90.001
price_book | priceBooks.0.effectiveFrom = @0.001
price_book | priceBooks.1.rates.2.sku = "other"
price_book | priceBooks.0.rates.1.sku = "other"
price_book | events.14.data.priceBook = "pb_0"
price_book | events.17.data.priceBook = "pb_1"; priceBooks = []
price_book | events.14.data.sku = "snapshot"
price_book | events.10.data.lines.+ = {"sku":"npu","quantity":1}

schema     | charges.0.resource = "alo_0"
charge     | charges.27.resource = "vol_z"
charge     | charges.27.sku = "x"
charge     | charges.27.priceBook = "pb_3"
charge     | charges.27.upTo = @600.001
charge     | charges.0.sku = "apu"
charge     | charges.0.priceBook = "pb_0"
charge     | charges.0.upTo = @50.001
charge     | charges.0.upTo = @110
charge     | charges.0.unitMillisBefore = "1"
charge     | charges.0.unitMillis = "280001"
charge     | charges.0.nanos = "12345678"
charge     | charges.0.amount = "0"
charge     | charges.0.amount = "-5"
charge     | charges.1.unitMillisBefore = "0"
schema     | charges = []
schema     | events = []
charge     | charges.0.id = "new"; total = "0"; charges.0.amount = "1"
charge     | events.10.data.lines.+ = {"sku":"cpu","quantity":1}
charge     | events.14.data.sizeGib = 8
charge     | events.0.data.lines.0.quantity = 3
charge     | priceBooks.0.rates.0.nanos = "2990000001"
charge     | events.2.at = @39.999
charge     | events.9.type = "contact_lost"
charge     | events.13.type = "note"
charge     | from = @300
charge     | to = @601

total      | total = "0"
total      | total = "-1"
total      | from = @50
`

type Change = (bundle: JsonMembers) => void

function at(bundle: JsonMembers, path: readonly string[]): Json {
  let json: Json = bundle
  for (const step of path) json = (Array.isArray(json) ? json[Number(step)] : members(json)[step]) ?? null
  return json
}

function put(bundle: JsonMembers, path: string, value: Json | undefined): void {
  const steps = path.split('.')
  const last = steps.pop() ?? ''
  const parent = at(bundle, steps)
  if (!Array.isArray(parent)) {
    if (value === undefined) delete members(parent)[last]
    else members(parent)[last] = value
  } else if (last === '+') parent.push(value ?? null)
  else parent[Number(last)] = value ?? null
}

function changeOf(words: string): Change {
  return (bundle) => {
    for (const word of words.split('; ')) {
      const [path = '', verb, ...rest] = word.trim().split(' ')
      const other = rest.join(' ')
      if (verb === 'delete') put(bundle, path, undefined)
      if (verb === '=')
        put(
          bundle,
          path,
          JSON.parse(other.replace(/@([0-9.]+)/g, (_, tick) => `"${instantText(Number(tick))}"`)),
        )
      if (verb !== 'swap') continue
      const [one, two] = [at(bundle, path.split('.')), at(bundle, other.split('.'))]
      put(bundle, path, two)
      put(bundle, other, one)
    }
  }
}

function kindOf(result: VerifyResult): string {
  return 'unreadable' in result ? 'unreadable' : (result.firstDifference?.kind ?? 'none')
}

for (const row of table.split('\n').filter((line) => line.includes('|'))) {
  const [kind = '', change = ''] = row.split(/ +\| /)
  test(`${kind}: ${change.slice(0, 70)}`, async () => {
    const bundle = await madeBundle(plan)
    changeOf(change.replace(/^(?:raw|rehash) /, ''))(bundle)
    if (!change.startsWith('raw ')) await seal(bundle, !change.startsWith('rehash '))
    const result = await verifyBill(JSON.stringify(bundle))
    assert.equal(kindOf(result), kind, JSON.stringify(result))
    assert.ok(!('unreadable' in result))
    assert.equal(result.recomputed.length > 0, ['none', 'charge', 'total'].includes(kind))
  })
}

test('a sum cannot go back in time, nor beyond the end of the period', async () => {
  const [low, high] = [10, 20]
  const simple = { histories: { alo_a: 'allocated 0 cpu*1 | ready 0' }, from: 0, to: 40 }
  const bundle = await madeBundle({ ...simple, settledAt: [low, high] })
  const kindWith = async (charges: readonly JsonMembers[]) => {
    const total = charges.reduce((sum, { amount }) => sum + BigInt(String(amount)), 0n)
    return kindOf(await verifyBill(JSON.stringify({ ...bundle, charges, total: String(total) })))
  }
  const sums = (seconds: readonly number[]) =>
    seconds.map((upTo, index): JsonMembers => {
      const before = seconds[index - 1] ?? 0
      const amount = (second: number) => (12345679n * BigInt(second)) / 3600n
      return {
        ...objectsIn(bundle['charges'])[0],
        id: `chg_${index}`,
        upTo: instantText(upTo),
        unitMillisBefore: String(before * 1000),
        unitMillis: String((upTo - before) * 1000),
        amount: String(amount(upTo) - amount(before)),
        reason: upTo < before ? 'back' : null,
      }
    })
  assert.equal(await kindWith(sums([low, high, 40])), 'none')
  assert.equal(await kindWith(sums([40])), 'none')
  assert.equal(await kindWith(sums([high, low, 40])), 'charge')
  assert.equal(await kindWith(sums([low, high])), 'charge')
  assert.equal(await kindWith(sums([low, high, 40, 41])), 'charge')
  assert.equal(await kindWith(sums([low, high, 41])), 'charge')
})
