import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { missingOf } from './inventory.ts'
import { allowedBy } from './openfiles.ts'

describe('what a machine cannot promise', () => {
  const complete = {
    ServerVersion: '29.7.0',
    CgroupVersion: '2',
    LiveRestoreEnabled: true,
    SecurityOptions: ['name=seccomp,profile=builtin', 'name=apparmor', 'name=userns'],
  }

  it('is only the size of folders on a machine that has everything', () => {
    assert.deepEqual(missingOf(complete).length, 1)
  })

  it('names an old engine, and each missing protection', () => {
    const debian = {
      ServerVersion: '20.10.24+dfsg1',
      CgroupVersion: '1',
      LiveRestoreEnabled: false,
      SecurityOptions: ['name=seccomp,profile=default'],
    }
    const lines = missingOf(debian).join('\n')
    for (const word of [
      '20.10.24',
      'AppArmor',
      'user namespaces',
      'cgroup v1',
      'live-restore',
      'plain folders',
    ]) {
      assert.match(lines, new RegExp(word))
    }
    assert.equal(missingOf({ ...complete, ServerVersion: '30.0.0' }).length, 1)
    assert.equal(missingOf({ ...complete, ServerVersion: '29.6.9-rc1' }).length, 2)
  })
})

describe('how many files a container may have open', () => {
  const limits = 'Limit  Soft Limit  Hard Limit  Units\nMax open files  20000  20000  files\n'
  const cases: [string, string, number][] = [
    ['CapEff:\t000001ffffffffff\n', limits, 65_536],
    ['CapEff:\t00000000feffffff\n', limits, 20_000],
    ['', '', 65_536],
  ]
  for (const [status, text, expected] of cases) {
    it(`is ${expected} with ${status.trim() || 'nothing known'}`, () =>
      assert.equal(allowedBy(status, text), expected))
  }
})
