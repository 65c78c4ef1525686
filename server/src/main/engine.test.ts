import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { askEngine, type EngineFacts, planEngine } from './engine.ts'
import { readStatus } from './packages.ts'

const bare: EngineFacts = {
  answer: { version: null, code: 'ENOENT' },
  socket: '/var/run/docker.sock',
  isNamed: false,
  isRoot: true,
  isDebian: true,
  isInstalled: false,
  hasSystemd: false,
  mayInstall: true,
  userName: 'ada',
}
const up = (version: string): Partial<EngineFacts> => ({ answer: { version } })

// What is different from a bare Debian as root → what is done.
const cases: readonly [string, Partial<EngineFacts>, RegExp][] = [
  ['one answers', up('20.10.24+dfsg1'), /^use$/],
  ['one answers a plain user', { ...up('28.2.2'), isRoot: false }, /^use$/],
  ['an old one answers', up('19.03.15'), /19\.03\.15 is too old: 20\.10 or newer/],
  ['nothing there, root on Debian', {}, /^install by hand$/],
  ['nothing there, systemd', { hasSystemd: true }, /^install by systemd$/],
  ['installed, not running', { isInstalled: true }, /^start by hand$/],
  ['installed, not running, systemd', { isInstalled: true, hasSystemd: true }, /^start by systemd$/],
  ['installed, not running, another system', { isInstalled: true, isDebian: false }, /^start by hand$/],
  ['nothing there, another system', { isDebian: false }, /install it with the package manager/],
  [
    'nothing there, no root',
    { isRoot: false },
    /sudo apt-get install docker\.io.*usermod -aG docker ada.*as root/,
  ],
  ['stopped, no root', { isRoot: false, isInstalled: true }, /sudo systemctl start docker/],
  [
    'not allowed',
    { isRoot: false, answer: { version: null, code: 'EACCES' } },
    /ada may not use .*usermod -aG docker ada/,
  ],
  [
    'a named one is down',
    { isNamed: true, socket: '/x.sock' },
    /answers at \/x\.sock \(ENOENT\).*DOCKER_HOST/,
  ],
  ['forbidden to install', { mayInstall: false }, /GPUHOUR_INSTALL_ENGINE=never/],
]
for (const [name, facts, expected] of cases)
  test(`engine: ${name}`, () => {
    const plan = planEngine({ ...bare, ...facts })
    const said = plan.act === 'refuse' ? plan.why : 'by' in plan ? `${plan.act} by ${plan.by}` : plan.act
    assert.match(said, expected)
    assert.ok(!said.includes('\n'), 'one line')
  })

test('an engine is asked over its socket, and a silent or strange one is none', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'gpuhour-engine-'))
  const socket = join(dir, 'docker.sock')
  assert.deepEqual(await askEngine(socket), { version: null, code: 'ENOENT' })
  const answers = ['{"Version":"20.10.24"}', '{"other":1}', 'no JSON']
  const server = createServer((_, response) => response.end(answers.shift()))
  await new Promise<void>((resolve) => server.listen(socket, resolve))
  assert.deepEqual(await askEngine(socket), { version: '20.10.24' })
  assert.deepEqual(await askEngine(socket), { version: null, code: 'no engine' })
  assert.deepEqual(await askEngine(socket), { version: null, code: 'no engine' })
  await new Promise((resolve) => server.close(resolve))
  rmSync(dir, { recursive: true })
})

test("apt's status lines are progress", () => {
  assert.deepEqual(readStatus('dlstatus:1:20.5:Retrieving file 1 of 12'), {
    percent: 20.5,
    text: 'Retrieving file 1 of 12',
  })
  assert.deepEqual(readStatus('pmstatus:docker.io:60.0000:Unpacking docker.io'), {
    percent: 60,
    text: 'Unpacking docker.io',
  })
  assert.equal(readStatus('Reading package lists...'), null)
})
