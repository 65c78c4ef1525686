import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { CloudEvent, HTTP } from 'cloudevents'
import { Webhook } from 'standardwebhooks'
import { newBase64Secret } from '../kernel/ids.ts'
import { hourMs, instant, parseInstant } from '../kernel/time.ts'
import { headersOf, messageOf, nextTryAt, secretPrefix, verdictOf } from './webhooks.rules.ts'

const at = parseInstant('2026-11-27T08:00:00.123Z')
const notice = {
  id: 'ntc_1',
  organization: 'org_1',
  project: 'prj_1',
  type: 'run.changed',
  subject: 'run_1',
  at,
  data: { name: '训练 “é”', from: 'running', to: 'succeeded', exitCode: 0 },
}

describe('a message', () => {
  test('is a CloudEvent by the foundation’s own reader', () => {
    const body = messageOf(notice, 'plt_1')
    const event = HTTP.toEvent({ headers: headersOf(notice.id, body, [], at), body })
    assert.ok(event instanceof CloudEvent)
    assert.equal(event.validate(), true)
    const { id, source, type, subject, time, datacontenttype, organization, project, data } = event
    assert.deepEqual(
      { id, source, type, subject, time, datacontenttype, organization, project, data },
      {
        id: 'ntc_1',
        source: 'gpuhour://plt_1/org_1',
        type: 'gpuhour.run.changed',
        subject: 'run_1',
        time: '2026-11-27T08:00:00.123Z',
        datacontenttype: 'application/json',
        organization: 'org_1',
        project: 'prj_1',
        data: notice.data,
      },
    )
  })

  test('leaves out the project of what has none: an attribute cannot be null', () => {
    assert.ok(!('project' in JSON.parse(messageOf({ ...notice, project: null }, 'plt_1'))))
  })

  test('is signed as the published vector', () => {
    const headers = headersOf(
      'msg_p5jXN8AQM9LWM0D4loKWxJek',
      '{"test": 2432232314}',
      ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'],
      instant(1_614_265_330_999),
    )
    assert.equal(headers['webhook-timestamp'], '1614265330')
    assert.equal(headers['webhook-signature'], 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=')
  })

  test('is accepted by a receiver’s library, with the old secret and with the new one', () => {
    const [older, newer, other] = [1, 2, 3].map(() => newBase64Secret(secretPrefix))
    assert.ok(older && newer && other)
    const body = messageOf(notice, 'plt_1')
    const headers = headersOf(notice.id, body, [newer, older], instant(Date.now()))
    for (const secret of [older, newer])
      assert.deepEqual(new Webhook(secret).verify(body, { ...headers }), JSON.parse(body))
    assert.throws(() => new Webhook(other).verify(body, { ...headers }))
    assert.throws(() => new Webhook(newer).verify(`${body} `, { ...headers }))
    const replayed = headersOf(notice.id, body, [newer], instant(Date.now() - hourMs))
    assert.throws(() => new Webhook(newer).verify(body, { ...replayed }), /timestamp/i)
  })
})

describe('a round of attempts', () => {
  test('waits as Standard Webhooks recommends, ten times in three days', () => {
    const pauses: number[] = []
    let now = at
    for (let tries = 0; ; tries += 1) {
      const next = nextTryAt('dlv_1', tries, now)
      if (next === null) break
      pauses.push(next - now)
      now = next
    }
    const asked = [0, 5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400]
    assert.equal(pauses.length, asked.length)
    for (const [index, seconds] of asked.entries())
      assert.ok(Math.abs((pauses[index] ?? 0) - seconds * 1000) <= seconds * 100 + 1, `pause ${index}`)
    assert.ok(now - at > 60 * hourMs && now - at < 90 * hourMs)
  })

  test('is spread by the id, and the same whenever it is asked', () => {
    const at2 = new Set(Array.from({ length: 50 }, (_, index) => nextTryAt(`dlv_${index}`, 3, at)))
    assert.ok(at2.size > 25)
    assert.equal(nextTryAt('dlv_7', 3, at), nextTryAt('dlv_7', 3, at))
  })

  test('takes 2xx and nothing else; 410 is the end', () => {
    const cases: readonly (readonly [number | null, string])[] = [
      [200, 'taken'],
      [204, 'taken'],
      [299, 'taken'],
      [301, 'failed'],
      [400, 'failed'],
      [410, 'gone'],
      [500, 'failed'],
      [null, 'failed'],
    ]
    for (const [status, expected] of cases)
      assert.equal(verdictOf({ status, error: null, excerpt: null, durationMs: 1 }), expected)
  })
})
