import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isAppError } from '../kernel/errors.ts'
import { describe as describeConfig, environmentOf, loadConfig, unknownVariables } from './config.ts'

test('an empty environment gives the defaults', () => {
  const { port, appsPort, sshPort, host, domain, runtime, databaseUrl } = loadConfig({})
  assert.deepEqual(
    { port, appsPort, sshPort, host, domain, runtime, databaseUrl },
    {
      port: 7070,
      appsPort: 7071,
      sshPort: 2222,
      host: '127.0.0.1',
      domain: 'localhost',
      runtime: 'docker',
      databaseUrl: null,
    },
  )
})

test('an empty variable counts as unset', () => assert.equal(loadConfig({ GPUHOUR_PORT: '' }).port, 7070))

const wrong: readonly [variable: string, value: string][] = [
  ['GPUHOUR_DATA', 'relative/path'],
  ['GPUHOUR_RUNTIME', 'podman'],
  ['DATABASE_URL', 'mysql://localhost'],
  ['GPUHOUR_PORT', 'seventy'],
  ['GPUHOUR_PORT', '70000'],
  ['GPUHOUR_PORT', '-1'],
  ['GPUHOUR_PORT', '7070.5'],
  ['GPUHOUR_DOMAIN', 'Not A Host'],
  ['GPUHOUR_REGION', 'Not A Region'],
  ['DOCKER_HOST', 'tcp://10.0.0.1:2375'],
  ['GPUHOUR_LOG_LEVEL', 'loud'],
]
for (const [variable, value] of wrong)
  test(`${variable}=${value} is refused by name`, () => {
    assert.throws(
      () => loadConfig({ [variable]: value }),
      (error) =>
        isAppError(error) &&
        error.code === 'invalid_request' &&
        error.message.includes(`${variable}="${value}"`),
    )
  })

test('all wrong variables are named at once', () => {
  assert.throws(
    () => loadConfig({ GPUHOUR_PORT: 'x', GPUHOUR_SSH_PORT: 'y' }),
    (error) => isAppError(error) && error.fields.length === 2,
  )
})

test('a child process reads the same configuration', () => {
  const config = loadConfig({
    GPUHOUR_PORT: '0',
    GPUHOUR_DATA: '/srv/g',
    DATABASE_URL: 'postgresql://a:b@h/d',
  })
  assert.deepEqual(loadConfig(environmentOf(config)), config)
})

test('a typing error does not pass in silence', () => {
  assert.deepEqual(
    unknownVariables({
      GPUHOUR_PROT: '1',
      GPUHOUR_PORT: '1',
      GPUHOUR_TEST_RUN: 'x',
      GPUHOUR_URL: 'x',
      PATH: '',
    }),
    ['GPUHOUR_PROT'],
  )
})

test('it prints itself, without a password', () => {
  const lines = describeConfig(
    loadConfig({ DATABASE_URL: 'postgresql://me:secret@host/db', GPUHOUR_PORT: '80' }),
  )
  const line = (name: string) => lines.find(({ variable }) => variable === name)
  assert.equal(line('DATABASE_URL')?.value, 'postgresql://me:…@host/db')
  assert.deepEqual([line('GPUHOUR_PORT')?.isDefault, line('GPUHOUR_SSH_PORT')?.isDefault], [false, true])
  assert.ok(lines.every(({ meaning, unit }) => meaning.endsWith('.') && unit !== ''))
})

test('the secrets of the payment vendor come together, and are never shown', () => {
  const [key, secret] = ['sk_test_1234', 'whsec_5678']
  const both = loadConfig({ STRIPE_SECRET_KEY: key, STRIPE_WEBHOOK_SECRET: secret })
  assert.deepEqual([both.stripeSecretKey, both.stripeWebhookSecret], [key, secret])
  assert.doesNotMatch(JSON.stringify(describeConfig(both)), /1234|5678/)
  const shown = describeConfig(both).filter(({ value }) => value === '(set)')
  assert.deepEqual(
    shown.map(({ variable }) => variable),
    ['STRIPE_SECRET_KEY', 'STRIPE_WEBHOOK_SECRET'],
  )
  for (const half of [{ STRIPE_SECRET_KEY: key }, { STRIPE_WEBHOOK_SECRET: secret }])
    assert.throws(() => loadConfig(half), /need both/)
  assert.throws(
    () => loadConfig({ STRIPE_SECRET_KEY: '1234', STRIPE_WEBHOOK_SECRET: secret }),
    (error) => isAppError(error) && /STRIPE_SECRET_KEY/.test(error.message) && !/1234/.test(error.message),
  )
})
