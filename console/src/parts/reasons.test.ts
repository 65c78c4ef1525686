import assert from 'node:assert/strict'
import { test } from 'node:test'
import { reasonOf } from './reasons.ts'

const at = '2026-11-27T03:12:00.000Z'

// What the platform says → the words for it, when, and what stands in it.
const table = `
customer | customer | – | –
the money for it was used up | used_up | – | –
fault since ${at}: XID 79: the GPU has fallen off the bus | fault | ${at} | XID 79: the GPU has fallen off the bus
its machine gpu-7 is off | machine_off | – | gpu-7
not seen after ${at} | not_seen | ${at} | –
ended at ${at} | ended | ${at} | –
stop accepted for ${at} | stopped | ${at} | –
the money was used up at ${at} | used_up_at | ${at} | –
deleted at ${at} | deleted | ${at} | –
the record was completed later | completed_later | – | –
ended at noon | none
constructor | none
the container could not be started (exit 127) | none`

for (const row of table.trim().split('\n')) {
  const [text = '', ...expected] = row.split(' | ')
  test(text, () => {
    const found = reasonOf(text)
    assert.deepEqual(found ? [found.key, found.at ?? '–', found.what ?? '–'] : ['none'], expected)
  })
}
