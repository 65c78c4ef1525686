import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { asId, type OrganizationId } from '../kernel/ids.ts'
import { nanos, parseAmount } from '../kernel/money.ts'
import { instant, type Instant } from '../kernel/time.ts'
import { changesAfter, differencesOf, inForceAt, warningsOf } from './books.rules.ts'
import { type Rate, type Unit, inOrder } from './rules.ts'

const own = asId('organization', 'org_own')
const other = asId('organization', 'org_other')

interface Dated {
  readonly id: ReturnType<typeof asId<'priceBook'>>
  readonly organization: OrganizationId | null
  readonly effectiveFrom: Instant
  readonly endsAt: Instant | null
}

/** `G1@10` is general from 10; `O1@10-20` is the organization's own from 10 to 20; `X…` another one's. */
function booksOf(text: string): readonly Dated[] {
  return text
    .split(' ')
    .filter((word) => word !== '')
    .map((word) => {
      const [, name = '', from = '', , end] = /^(\w\d)@(\d+)(-(\d+))?$/.exec(word) ?? []
      return {
        id: asId('priceBook', `pb_${name.toLowerCase()}`),
        organization: name.startsWith('G') ? null : name.startsWith('O') ? own : other,
        effectiveFrom: instant(Number(from)),
        endsAt: end === undefined ? null : instant(Number(end)),
      }
    })
}

describe('the book in force', () => {
  const table = `
    books                       | at  | for them | for others | why
    G1@10                       | 9   | –        | –          | none has taken effect
    G1@10                       | 10  | G1       | G1         | from its instant on
    G1@10 G2@20                 | 20  | G2       | G2         | the newest
    G1@10 O1@15                 | 14  | G1       | G1         | own prices are announced, too
    G1@10 O1@15                 | 15  | O1       | G1         | then they go first
    G1@10 O1@15 G2@20           | 25  | O1       | G2         | before later general ones as well
    G1@10 O1@15-30 G2@20        | 29  | O1       | G2         | until they end
    G1@10 O1@15-30 G2@20        | 30  | G2       | G2         | then the general one of that time holds
    G1@10 O1@15 O2@20-30        | 29  | O2       | G1         | newer own ones replace older
    G1@10 O1@15 O2@20-30        | 30  | G1       | G1         | which do not come back
    G1@10 X1@15                 | 20  | G1       | G1         | prices of another are nobody else's
    O1@15                       | 20  | O1       | –          | without any general book`
  for (const row of table.trim().split('\n').slice(1)) {
    const [books = '', at = '', them, others, why] = row.split('|').map((cell) => cell.trim())
    it(`${books} at ${at}: ${why}`, () => {
      const found = (organization: OrganizationId | null): string =>
        inForceAt(booksOf(books), organization, instant(Number(at)))
          ?.id.slice(3)
          .toUpperCase() ?? '–'
      assert.equal(found(own), them)
      assert.equal(found(null), others)
    })
  }

  it('changes are exactly the instants at which another book comes into force', () => {
    const word = fc
      .tuple(fc.constantFrom('G', 'O', 'X'), fc.integer({ min: 1, max: 30 }), fc.integer({ min: 0, max: 9 }))
      .map(([kind, from, lasts]) => ({ kind, from, lasts }))
    fc.assert(
      fc.property(
        fc.uniqueArray(word, { selector: ({ kind, from }) => `${kind}${from}` }),
        fc.integer({ min: 0, max: 30 }),
        (words, after) => {
          const text = words.map(({ kind, from, lasts }, index) => {
            const ends = kind !== 'G' && lasts > 0 ? `-${from + lasts}` : ''
            return `${kind}${index % 10}@${from}${ends}`
          })
          // Names repeat after ten; ids must not.
          const books = booksOf(text.join(' ')).map((book, index) => ({
            ...book,
            id: asId('priceBook', `pb_${index}`),
          }))
          const changes = changesAfter(books, own, instant(after))
          let book = inForceAt(books, own, instant(after))
          for (let at = after + 1; at < 45; at += 1) {
            const next = inForceAt(books, own, instant(at))
            const change = changes.find((one) => one.at === at)
            assert.equal(change?.book.id ?? null, next !== null && next.id !== book?.id ? next.id : null)
            book = next
          }
        },
      ),
    )
  })
})

/** `gpu.h100 2.99, cpu 0.04`: rates by SKU. */
function ratesOf(text: string): readonly Rate[] {
  const unit = (sku: string): Unit =>
    sku.startsWith('gpu.') ? 'gpu-hour' : sku === 'cpu' ? 'vcpu-hour' : 'gib-hour'
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map((part) => {
      const [sku = '', rate = ''] = part.split(' ')
      return { sku, unit: unit(sku), nanos: nanos(parseAmount(rate) ?? -1n) }
    })
}

describe('what changes between two books', () => {
  const table = `
    before                    | after                     | differences                  | warnings
    gpu.h100 2.99             | gpu.h100 2.99             |                              |
    gpu.h100 2.99             | gpu.h100 3.49             | gpu.h100 2.99>3.49           |
    gpu.h100 2.99             | gpu.h100 29.9             | gpu.h100 2.99>29.9           | gpu.h100 leap
    gpu.h100 2.99             | gpu.h100 0.99             | gpu.h100 2.99>0.99           | gpu.h100 leap
    gpu.h100 2.99             | gpu.h100 0                | gpu.h100 2.99>0              | gpu.h100 free
    gpu.h100 3                | gpu.h100 9                | gpu.h100 3>9                 |
    gpu.h100 2.99, cpu 0.04   | gpu.h100 2.99             | cpu 0.04>–                   | cpu missing
    cpu 0.04                  | cpu 0.04, memory 0.01     | memory –>0.01                | memory memory_priced
    cpu 0.04                  | cpu 0.04, coffee 2        | coffee –>2                   | coffee unknown
    b 1, a 1, gpu.a2 1        | gpu.a2 2, a 1             | b 1>–; gpu.a2 1>2            | a unknown; b missing`
  const amountOf = (value: bigint | null): string =>
    value === null ? '–' : String(Number(value) / 1_000_000_000)
  for (const row of table.trim().split('\n').slice(1)) {
    const [before = '', after = '', differences, warnings] = row.split('|').map((cell) => cell.trim())
    it(`${before} → ${after}`, () => {
      const [old, fresh] = [ratesOf(before), ratesOf(after)]
      assert.equal(
        differencesOf(old, fresh)
          .map((one) => `${one.sku} ${amountOf(one.before)}>${amountOf(one.after)}`)
          .join('; '),
        differences,
      )
      assert.equal(
        warningsOf(old, fresh)
          .map(({ sku, kind }) => `${sku} ${kind}`)
          .join('; '),
        warnings,
      )
    })
  }

  it('the first book of all is asked about nothing but what is unknown or free', () => {
    assert.deepEqual(warningsOf([], ratesOf('gpu.h100 2.99, memory 0.01')), [])
  })

  it('a SKU whose unit changed goes, and comes', () => {
    const image = (unit: Unit): Rate => ({ sku: 'image.x', unit, nanos: nanos(1n) })
    assert.deepEqual(differencesOf([image('gpu-hour')], [image('vcpu-hour')]), [
      { sku: 'image.x', unit: 'gpu-hour', before: 1n, after: null },
      { sku: 'image.x', unit: 'vcpu-hour', before: null, after: 1n },
    ])
  })

  it('differences applied to the earlier book give the later one', () => {
    const rate = fc.record({
      sku: fc.constantFrom<string>('a', 'b', 'c', 'd'),
      unit: fc.constantFrom<Unit>('gpu-hour', 'vcpu-hour'),
      nanos: fc.bigInt(0n, 3n).map(nanos),
    })
    const list = fc.uniqueArray(rate, { selector: ({ sku }) => sku })
    fc.assert(
      fc.property(list, list, (before, after) => {
        const made = new Map<string, Rate>(before.map((one) => [`${one.sku} ${one.unit}`, one]))
        for (const one of differencesOf(before, after)) {
          assert.equal(made.get(`${one.sku} ${one.unit}`)?.nanos ?? null, one.before)
          if (one.after === null) made.delete(`${one.sku} ${one.unit}`)
          else made.set(`${one.sku} ${one.unit}`, { sku: one.sku, unit: one.unit, nanos: one.after })
        }
        const plain = (rates: readonly Rate[]) =>
          inOrder(rates).map(({ sku, unit, nanos: value }) => `${sku} ${unit} ${value}`)
        assert.deepEqual(plain([...made.values()]), plain(after))
      }),
    )
  })
})
