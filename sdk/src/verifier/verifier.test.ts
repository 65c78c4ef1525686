import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'

import type { JsonMembers, Plan } from './made_bundle.ts'
import { madeBundle, madePriceBook, ordinaryBooks, seal } from './made_bundle.ts'
import type { VerifyResult } from './verifier.ts'
import { exitCodeOf, sentenceOf, verifyBill } from './verifier.ts'

const examples = new URL('examples/', import.meta.url)

function example(name: string): Uint8Array {
  return readFileSync(new URL(`${name}.json`, examples))
}

function named(start: string): Uint8Array {
  const file = readdirSync(examples).find((name) => name.startsWith(start) && !name.includes('answer'))
  return example(String(file).replace('.json', ''))
}

function kindOf(result: VerifyResult): string {
  if ('unreadable' in result) return 'unreadable'
  return result.firstDifference?.kind ?? 'none'
}

for (const file of readdirSync(examples).filter((name) => name.endsWith('.answer.json'))) {
  const name = file.replace('.answer.json', '')
  test(`the example ${name} is answered exactly`, async () => {
    const { firstDifferenceKind, ...expected } = JSON.parse(
      new TextDecoder().decode(example(`${name}.answer`)),
    )
    const result = await verifyBill(example(name), { rateOnly: expected.verified === null })
    assert.ok(!('unreadable' in result))
    const { firstDifference, ...answer } = result
    assert.deepEqual(answer, expected)
    assert.equal(firstDifference?.kind ?? null, firstDifferenceKind)
    assert.equal(exitCodeOf(result), firstDifferenceKind === null ? 0 : 1)
  })
}

test('every example can be rated, whatever its charges say', async () => {
  for (const start of ['02', '03', '04', '05', '06', '07', '08', '09', '10', '15', '16', '17']) {
    const result = await verifyBill(named(start), { rateOnly: true })
    assert.ok(!('unreadable' in result))
    const { verified, charges, total, firstDifference, recomputed } = result
    assert.deepEqual([verified, charges, total, firstDifference], [null, 0, null, null], start)
    assert.ok(recomputed.length > 0)
    assert.equal(exitCodeOf(result), 0)
  }
  for (const [start, kind] of [
    ['11', 'hash'],
    ['12', 'sequence'],
    ['13', 'sequence'],
    ['14', 'price_book'],
  ] as const) {
    const result = await verifyBill(named(start), { rateOnly: true })
    assert.equal(kindOf(result), kind)
    assert.equal(exitCodeOf(result), 1)
  }
})

test('rating ignores charges and total even where they are malformed, and shows what it likes', async () => {
  const bill = JSON.parse(new TextDecoder().decode(named('05')))
  for (const charges of [undefined, null, 7, [1.5], { a: 1 }]) {
    const result = await verifyBill(JSON.stringify({ ...bill, charges, total: charges }), { rateOnly: true })
    assert.equal(kindOf(result), 'none')
  }
  const later = { ...bill, from: '2026-03-20T00:00:00.000Z' }
  assert.equal(kindOf(await verifyBill(JSON.stringify(later))), 'schema')
  assert.equal(kindOf(await verifyBill(JSON.stringify(later), { rateOnly: true })), 'none')
  const nothing = { ...bill, from: bill.to }
  assert.equal(kindOf(await verifyBill(JSON.stringify(nothing), { rateOnly: true })), 'schema')
  const stray = { ...bill, priceBooks: [...bill.priceBooks, { ...bill.priceBooks[0], id: 'pb_stray' }] }
  assert.equal(kindOf(await verifyBill(JSON.stringify(stray))), 'schema')
  assert.equal(kindOf(await verifyBill(JSON.stringify(stray), { rateOnly: true })), 'price_book')
})

test('bills that follow from earlier ones, and bills that do not', async () => {
  const cases = [
    ['05', '06', 'none'],
    ['07', '06', 'none'],
    ['05', '05', 'none'],
    ['05', '07', 'none'],
    ['06', '05', 'after'],
    ['05', '02', 'after'],
    ['05', '16', 'after'],
    ['05', '11', 'after'],
    ['05', '01', 'after'],
    ['16', '06', 'total'],
    ['11', '01', 'hash'],
  ] as const
  for (const [file, earlier, kind] of cases) {
    const result = await verifyBill(named(file), { after: named(earlier) })
    assert.equal(kindOf(result), kind, `${file} after ${earlier}`)
    assert.ok(!('unreadable' in result))
    assert.equal(result.verified, kind === 'none')
    assert.equal(result.recomputed.length > 0, kind !== 'hash')
  }
})

/** Two halves of one history, and what may differ between them. */
const whole: Plan = {
  histories: {
    alo_a: 'allocated 0 | ready 5 | stop_accepted 50 | fault 20@120',
    alo_b: 'allocated 110 | ready 111 | exited 150',
    vol_a: 'created 3 pb_1 50 | repriced 90 pb_2',
  },
  from: 0,
  to: 200,
  settledAt: [40, 100],
}
const firstHalf = { ...whole, to: 100 }
const secondHalf = { ...whole, from: 100 }

test('a rewritten history, a withheld charge and a resource left out are found by --after', async () => {
  const kindAfter = async (bill: Plan, earlier: Plan, rateOnly = false) => {
    const [text, after] = [await madeBundle(bill), await madeBundle(earlier)].map((made) =>
      JSON.stringify(made),
    )
    return kindOf(await verifyBill(text ?? '', { after, rateOnly }))
  }
  const changed = (plan: Plan, resource: string, history: string) => {
    return { ...plan, histories: { ...plan.histories, [resource]: history } }
  }
  assert.equal(await kindAfter(whole, firstHalf), 'none')
  assert.equal(await kindAfter(whole, secondHalf), 'none')
  assert.equal(await kindAfter(secondHalf, firstHalf), 'none')
  assert.equal(await kindAfter(firstHalf, whole), 'after')
  const { alo_a: _, ...others } = whole.histories
  assert.equal(await kindAfter(whole, { ...firstHalf, histories: others }), 'after')
  assert.equal(await kindAfter({ ...whole, histories: others }, firstHalf), 'none')
  const stoppedLater = 'allocated 0 | ready 5 | stop_accepted 51 | fault 20@120'
  assert.equal(await kindAfter(whole, changed(firstHalf, 'alo_a', stoppedLater)), 'after')
  assert.equal(await kindAfter(whole, changed(firstHalf, 'alo_a', stoppedLater), true), 'after')
  assert.equal(await kindAfter(whole, { ...firstHalf, settledAt: [41, 100] }), 'after')
  assert.equal(await kindAfter(whole, { ...firstHalf, settledAt: [41, 100] }, true), 'none')
  const untold = { ...whole, histories: { ...whole.histories, alo_a: 'allocated 0 | ready 5' } }
  assert.equal(await kindAfter(untold, firstHalf), 'after')
  assert.equal(await kindAfter(untold, firstHalf, true), 'after')
  // An allocation that was never ready was left out: nothing was paid for it, nothing differs.
  const idle = changed(whole, 'alo_idle', 'allocated 8 | stop_accepted 9')
  assert.equal(await kindAfter(idle, firstHalf), 'none')
  // A late truth that the earlier bill ought to have known about.
  const known = changed(whole, 'alo_a', 'allocated 0 | ready 5 | stop_accepted 50 | fault 20@60')
  assert.equal(await kindAfter(known, firstHalf), 'after')
})

test('organization, currency, books and charges are compared with the earlier bill', async () => {
  const text = JSON.stringify(await madeBundle(whole))
  const kindWith = async (change: (earlier: Awaited<ReturnType<typeof madeBundle>>) => string) => {
    return kindOf(await verifyBill(text, { after: change(await madeBundle(firstHalf)) }))
  }
  assert.equal(await kindWith((earlier) => JSON.stringify(earlier)), 'none')
  assert.equal(await kindWith((earlier) => JSON.stringify({ ...earlier, organization: 'org_2' })), 'after')
  assert.equal(await kindWith((earlier) => JSON.stringify(earlier).replace('"chg_', '"other_')), 'after')
  assert.equal(await kindWith((earlier) => JSON.stringify({ ...earlier, total: '1' })), 'after')
  assert.equal(await kindWith((earlier) => JSON.stringify({ ...earlier, extra: 1 })), 'after')
  assert.equal(await kindWith(() => 'nonsense'), 'unreadable')
  assert.equal(
    await kindWith((earlier) => JSON.stringify({ ...earlier, format: 'gpuhour-bill/2' })),
    'unreadable',
  )
})

test('what cannot be read has exit code 2', async () => {
  const bill = new TextDecoder().decode(named('05'))
  const texts = [
    '',
    'null',
    '[]',
    '"x"',
    '{}',
    '{"format":1}',
    bill.replace('bill/1', 'bill/2'),
    `\ufeff${bill}`,
  ]
  const deep = `{"format":"gpuhour-bill/1","x":${'['.repeat(64)}${']'.repeat(64)}}`
  for (const text of [...texts, `${bill}x`, bill.replace('"currency"', '"from":1,"currency"'), deep]) {
    for (const input of [text, new TextEncoder().encode(text)]) {
      const result = await verifyBill(input)
      assert.equal(exitCodeOf(result), 2, text.slice(0, 40))
      assert.match(sentenceOf(result), /^cannot be read: the bill/)
    }
  }
  assert.equal(exitCodeOf(await verifyBill(deep.replace('[[', '[').replace(']]', ']'))), 1)
})

test('the sentence for a person', async () => {
  const sentence = async (start: string, rateOnly = false) =>
    sentenceOf(await verifyBill(named(start), { rateOnly }))
  assert.equal(await sentence('05'), '9 events, 6 charges, total 3686836111: verified')
  assert.equal(await sentence('01', true), '9 events, 3 lines: rated')
  assert.equal(await sentence('10'), 'charge: charges[1].amount is 2242500001; right is 2242500000')
  assert.equal(await sentence('16'), 'total: total is 3686836110; right is 3686836111')
  const forged = new TextDecoder().decode(named('05')).replace('"USD"', '"\\u001b[2J\\u202e\\u2028"')
  assert.equal(
    sentenceOf(await verifyBill(forged)),
    'schema: currency is \\u{1b}[2J\\u{202e}\\u{2028}; right is three capitals',
  )
})

test('a document of a wrong shape still tells what stands in it', async () => {
  const result = await verifyBill('{"format":"gpuhour-bill/1","events":[1,2],"charges":{},"total":"007"}')
  assert.ok(!('unreadable' in result))
  const { events, charges, total, verified, recomputed } = result
  assert.deepEqual([events, charges, total, verified, recomputed], [2, 0, '007', false, []])
})

test('a name like __proto__ is a name like any other', async () => {
  const bill = new TextDecoder().decode(named('05'))
  for (const name of ['__proto__', 'constructor', 'toString', 'hasOwnProperty']) {
    assert.equal(
      kindOf(await verifyBill(bill.replace('"currency"', `"${name}":{},"currency"`))),
      'schema',
      name,
    )
    assert.equal(kindOf(await verifyBill(bill.replace('"allocated"', `"${name}"`))), 'schema', name)
  }
})

test('two bills that show nothing in common are still of one currency and one set of books', async () => {
  const euros = ordinaryBooks.map((book) => ({ ...book, currency: 'EUR' }))
  const earlier = { histories: { alo_a: 'allocated 0 book=pb_1 | ready 5 | exited 9' }, from: 0, to: 100 }
  const later = { histories: { alo_b: 'allocated 110 book=pb_1 | ready 120' }, from: 100, to: 200 }
  const other = { histories: { alo_b: 'allocated 110 book=pb_2 | ready 120' }, from: 100, to: 200 }
  const dearer = [madePriceBook('pb_1', { gpu: '2990000001' })]
  const kindAfter = async (bill: JsonMembers, before: JsonMembers) => {
    return kindOf(await verifyBill(JSON.stringify(bill), { after: JSON.stringify(before) }))
  }
  const first = await madeBundle(earlier)
  assert.equal(await kindAfter(await madeBundle(later), first), 'none')
  assert.equal(await kindAfter(await madeBundle(other), first), 'none')
  assert.equal(await kindAfter(await madeBundle({ ...later, priceBooks: dearer }), first), 'after')
  const inEuros = await seal({ ...(await madeBundle({ ...other, priceBooks: euros })), currency: 'EUR' })
  assert.equal(kindOf(await verifyBill(JSON.stringify(inEuros))), 'none')
  assert.equal(await kindAfter(inEuros, first), 'after')
})
