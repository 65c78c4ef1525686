import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { isAlive } from '../server/src/store/processes.ts'
import * as census from './census.ts'

test('rules are compared without their counters and without open chains', () => {
  const saved = [
    '# a comment',
    '*filter',
    ':INPUT ACCEPT [12:34]',
    ':FORWARD DROP [0:0]',
    '-A FORWARD -j X [3:4]',
    'COMMIT',
  ]
  assert.deepEqual(census.readRules([...saved, '*nat', ':MINE - [0:0]']), [
    'filter :FORWARD DROP',
    'filter -A FORWARD -j X',
    'nat :MINE -',
  ])
})

const nothing: census.HostCensus = { interfaces: ['lo'], loopDevices: [], firewallRules: [] }

test('what is new on the machine is named', () => {
  const after = {
    interfaces: ['lo', 'gh12ab0'],
    loopDevices: ['loop0 on /x'],
    firewallRules: ['filter -A FORWARD -j X'],
  }
  assert.deepEqual(census.newOnHost(nothing, after, []), [
    'network interface gh12ab0',
    'loop device loop0 on /x',
    'firewall rule filter -A FORWARD -j X',
  ])
})

test('what belongs to a platform beside the suite is left out', () => {
  const others = new Set(['plt_theirs'])
  const names = census.foreignNames(others)
  const after = {
    interfaces: ['lo', `${names.at(-1)}0001`, 'veth12'],
    loopDevices: [],
    firewallRules: [`filter -A DOCKER-USER -j ${names[0]}`, 'filter -A FORWARD -j X'],
  }
  assert.deepEqual(census.newOnHost(nothing, after, names), ['firewall rule filter -A FORWARD -j X'])
  const before = { things: [] }
  const engine = {
    things: [
      { name: 'container theirs', installation: 'plt_theirs' },
      { name: 'container ours', installation: 'plt_ours' },
      { name: 'volume nobody', installation: null },
    ],
  }
  assert.deepEqual(census.newInEngine(before, engine, others), ['container ours', 'volume nobody'])
})

test('a process is found by the mark in its environment, by its folder, and with its port', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'gpuhour-census-'))
  const mark = `GPUHOUR_CENSUS=${folder}`
  const listens = `require('node:net').createServer().listen(0, () => console.log('up'))`
  const marked = spawn(process.execPath, ['-e', listens], { env: { GPUHOUR_CENSUS: folder } })
  const inside = spawn('/bin/sleep', ['1000'], { cwd: mkdtempSync(join(folder, 'x')), env: {} })
  await new Promise((resolve) => marked.stdout.once('data', resolve))
  const found = census.leftoverProcesses(mark, folder)
  assert.deepEqual(new Set(found.map(({ ref }) => ref.pid)), new Set([marked.pid, inside.pid]))
  assert.match(found.find(({ ref }) => ref.pid === marked.pid)?.name ?? '', /createServer.*listening on \d+$/)
  for (const child of [marked, inside]) {
    const ended = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGKILL')
    await ended
  }
  assert.deepEqual(census.stillAlive(found), [])
  assert.ok(found.every(({ ref }) => !isAlive(ref)))
  rmSync(folder, { recursive: true })
})
