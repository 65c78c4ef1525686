import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { chinese } from './mails.zh.rules.ts'
import { english } from './mails.en.rules.ts'
import { type MailFacts, writeMail } from './mails.rules.ts'
import { bodyOf, noticeTypes, noticeWays } from './rules.ts'
import { sampleNotices } from './testing.samples.ts'

const mailed = noticeTypes.filter((type) => noticeWays[type].mailedTo.length > 0)
const facts: Omit<MailFacts, 'type' | 'data' | 'language'> = {
  organization: 'acme',
  timeZone: 'UTC',
  console: 'https://gpu.example',
}

test('there are words in both languages for what is mailed, and for nothing else', () => {
  for (const words of [english, chinese]) assert.deepEqual(Object.keys(words).toSorted(), mailed.toSorted())
})

describe('a mail', () => {
  for (const type of noticeTypes)
    for (const language of ['en', 'zh'] as const)
      test(`of ${type} in ${language}`, () => {
        const mail = writeMail({ ...facts, type, data: bodyOf(sampleNotices[type]), language })
        assert.equal(mail !== null, mailed.includes(type))
        if (!mail) return
        assert.match(mail.subject, language === 'zh' ? /\p{Script=Han}/u : /^[\x20-\x7e€]+$/)
        assert.ok(mail.subject.length <= 78, mail.subject)
        for (const text of [mail.subject, mail.text])
          assert.doesNotMatch(text, /undefined|null|NaN|Invalid|\[object|\$\{/)
        assert.match(mail.text, /acme|https:\/\/example\.com/)
      })

  test('never shows more money than there is', () => {
    const data = bodyOf({ ...sampleNotices['balance.low'], liveNanos: 999_999_999n, nanosPerHour: 5n })
    const mail = writeMail({ ...facts, type: 'balance.low', data, language: 'en' })
    assert.match(mail?.text ?? '', /\$0\.99 are left; \$0\.00 an hour/)
  })
})
