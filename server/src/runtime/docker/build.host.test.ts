import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hostFactsOf, shellFileOf } from './build.host.ts'

const bundle = '/etc/ssl/certs/ca-certificates.crt'

test("pip's files and environment are read in pip's own order", () => {
  const general =
    '[global]\nindex-url = https://mirror.example/simple\ntimeout: 9\n' +
    '[list]\nindex-url = https://no.example\n'
  const own =
    '# mine\n[global]\ntrusted-host =\n    one.example\n    two.example\ntimeout = 30\ncert = /own.pem\n'
  const environment = new Map([
    ['PIP_TIMEOUT', '60'],
    ['PIP_FIND_LINKS', '/wheels'],
    ['https_proxy', 'http://proxy.example:3128'],
    ['HOME', '/root'],
  ])
  const facts = hostFactsOf(environment, [general, own], (path) => path === '/own.pem' || path === bundle)
  assert.deepEqual(
    [...facts.pip],
    [
      ['PIP_INDEX_URL', 'https://mirror.example/simple'],
      ['PIP_TRUSTED_HOST', 'one.example two.example'],
      ['PIP_TIMEOUT', '60'],
    ],
  )
  assert.equal(facts.caBundle, '/own.pem')
  assert.deepEqual([...facts.proxies], [['https_proxy', 'http://proxy.example:3128']])
})

test('a bare machine has its own bundle, or none', () => {
  assert.equal(hostFactsOf(new Map(), [], (path) => path === bundle).caBundle, bundle)
  const none = hostFactsOf(new Map([['PIP_CERT', '/gone.pem']]), [], () => false)
  assert.deepEqual(none, { caBundle: null, pip: new Map(), proxies: new Map() })
})

test('a value with quotes stays one word in a shell', () => {
  const variables = new Map([['PIP_INDEX_URL', "https://a:p'$(x)@mirror.example/simple"]])
  assert.equal(shellFileOf(variables), `PIP_INDEX_URL='https://a:p'\\''$(x)@mirror.example/simple'\n`)
})
