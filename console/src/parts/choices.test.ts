import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Offer } from '@gpuhour/sdk/contract'
import { firstOffer, inLanguage, provedOf, usualOffer } from './choices.ts'

function offer(flavor: string, nanosPerHour: string, rest: Partial<Offer> = {}): Offer {
  return {
    flavor,
    cpus: 1,
    memoryGib: 2,
    diskGib: 10,
    gpu: null,
    currency: 'USD',
    nanosPerHour,
    lines: [],
    freeNow: 1,
    capacity: 1,
    fits: { allowed: true, why: null },
    ...rest,
  }
}
const gpu = { model: 'v100', count: 1 }
const offers = [offer('cpu.1x2', '50'), offer('v100.2', '1200', { gpu }), offer('v100.1', '600', { gpu })]

test('a balance is explained by the last flavor, else the cheapest GPU, else the largest machine', () => {
  const used = [
    { flavor: 'cpu.1x2', createdAt: '2026-01-01T00:00:00.000Z' },
    { flavor: 'v100.2', createdAt: '2026-02-01T00:00:00.000Z' },
  ]
  assert.equal(usualOffer(offers, used)?.flavor, 'v100.2')
  assert.equal(usualOffer(offers, [])?.flavor, 'v100.1')
  assert.equal(usualOffer([offer('a', '1'), offer('b', '2')], [])?.flavor, 'b')
  assert.equal(usualOffer([], []), undefined)
})

test('what is picked at first fits, and is free if anything is', () => {
  const full = offer('full', '1', { freeNow: 0 })
  const unfit = offer('unfit', '1', { fits: { allowed: false, why: 'needs driver ≥ 525' } })
  assert.equal(firstOffer([unfit, full, offer('free', '2')])?.flavor, 'free')
  assert.equal(firstOffer(offers)?.flavor, 'v100.1')
  assert.equal(firstOffer([offer('small', '1'), offer('large', '2')])?.flavor, 'large')
  assert.equal(firstOffer([unfit, full])?.flavor, 'full')
  assert.equal(firstOffer([unfit]), undefined)
})

test('a skipped proof is neither a passed nor a failed one', () => {
  const passed = { ok: true, skipped: false }
  const failed = { ok: false, skipped: false }
  assert.deepEqual(provedOf([passed, passed, failed]), { passed: 2, skipped: 0, all: 3 })
  for (const ok of [true, false])
    assert.deepEqual(provedOf([passed, { ok, skipped: true }]), { passed: 1, skipped: 1, all: 2 })
})

test('a text in the language that is shown, or in English', () => {
  assert.equal(inLanguage({ en: 'Base', zh: '基础' }, 'zh'), '基础')
  assert.equal(inLanguage({ en: 'Base' }, 'zh'), 'Base')
})
