import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isOurHost, isOwnOrigin } from './origins.rules.ts'

test('whose host it is', () => {
  const url = 'http://gpu.example.org:7070'
  for (const host of [
    'gpu.example.org',
    'GPU.example.org:7070',
    'localhost:7070',
    '127.0.0.1:7070',
    '[::1]:7070',
  ])
    assert.equal(isOurHost(host, url), true, host)
  for (const host of [
    null,
    '',
    'evil.example',
    'gpu.example.org.evil.example',
    'localhost.evil',
    'a b',
    '1.2.3.4.5',
  ])
    assert.equal(isOurHost(host, url), false, String(host))
})

test('where a change may come from', () => {
  const table = `
    GET  -                     cross-site  cookie  yes
    POST -                     -           -       yes
    POST -                     -           cookie  no
    POST -                     same-origin cookie  yes
    POST http://localhost:7070 same-origin cookie  yes
    POST http://localhost:7070 -           cookie  yes
    POST http://localhost:7071 same-site   cookie  no
    POST http://localhost:7071 -           cookie  no
    POST http://evil.example   cross-site  -       no
    POST http://evil.example   -           -       no
    POST null                  -           cookie  no`
  for (const line of table.trim().split('\n')) {
    const [method = '', origin = '', site = '', cookie = '', expected] = line.trim().split(/\s+/)
    const value = (text: string): string | null => (text === '-' ? null : text)
    const provenance = {
      method,
      origin: value(origin),
      fetchSite: value(site),
      hasCookie: cookie === 'cookie',
    }
    assert.equal(isOwnOrigin({ ...provenance, host: 'localhost:7070' }) ? 'yes' : 'no', expected, line)
  }
})
