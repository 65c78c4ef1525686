import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import pino from 'pino'
import { systemClock } from '../kernel/clock.ts'
import { isAlive, processOf } from '../store/processes.ts'
import { loadConfig } from './config.ts'
import { backoffMs, endOrphans, type KeepOptions, keepRole } from './roles.ts'

// Real processes, real signals; the program of the role is a few lines of its own.

const never = new AbortController().signal

async function until(what: () => boolean): Promise<void> {
  for (const deadline = performance.now() + 10_000; !what();) {
    assert.ok(performance.now() < deadline, `waited for ${what.toString()}`)
    await systemClock.sleep(10, never)
  }
}

describe('a role is kept running', () => {
  let dir = ''
  const lines: string[] = []
  let options: KeepOptions
  const program = (text: string): string => {
    const path = join(dir, `role-${text.length}.mjs`)
    writeFileSync(path, text)
    return path
  }
  before(async () => {
    dir = mkdtempSync(join(tmpdir(), 'gpuhour-roles-'))
    const config = loadConfig({ GPUHOUR_DATA: dir })
    await endOrphans(config, systemClock)
    options = {
      config,
      consoleDir: null,
      log: pino({ level: 'silent' }),
      clock: systemClock,
      say: (line) => lines.push(line),
    }
  })
  after(() => rmSync(dir, { recursive: true, force: true }))

  const willing = `
    process.send({ kind: 'ready' })
    process.on('SIGTERM', () => process.exit(0))
    process.on('disconnect', () => process.exit(0))
    setInterval(() => {}, 1000)`

  test('SIGKILL ends it, and another one takes its place, as often as it happens', async () => {
    const role = keepRole('api', { ...options, program: program(willing) })
    await role.ready
    for (let kills = 0; kills < 3; kills += 1) {
      const pid = role.pid()
      assert.ok(pid)
      process.kill(pid, 'SIGKILL')
      await until(
        () =>
          role.pid() !== null &&
          role.pid() !== pid &&
          lines.filter((one) => one === 'api: is back').length > kills,
      )
    }
    const last = processOf(role.pid() ?? 0)
    assert.ok(last)
    await role.stop()
    assert.equal(isAlive(last), false)
    assert.equal(role.pid(), null)
  })

  test('one that never becomes ready is given up, with a sentence', async () => {
    const role = keepRole('gateway', { ...options, program: program('process.exit(3)') })
    await assert.rejects(role.ready, /The role gateway does not start/)
    assert.ok(lines.includes('gateway: ended (exit code 3); starting it again'))
    await role.stop()
  })

  test('what it prints is shown', async () => {
    const role = keepRole('api', { ...options, program: program(`console.error('a warning');${willing}`) })
    await role.ready
    await until(() => lines.includes('a warning'))
    await role.stop()
  })

  test('one that hung when its main died is ended by the next start', async () => {
    const hung = program(`process.send({ kind: 'ready' }); for (;;) {}`)
    const role = keepRole('controller', { ...options, program: hung })
    await role.ready
    const ref = processOf(role.pid() ?? 0)
    assert.ok(ref)
    assert.equal(JSON.parse(readFileSync(join(dir, 'run/controller.json'), 'utf8')).pid, ref.pid)
    await endOrphans(options.config, systemClock)
    await until(() => !isAlive(ref))
    await role.stop()
  })
})

test('the wait before another start grows to five seconds', () => {
  assert.deepEqual(
    [1, 2, 3, 4, 5, 6, 7, 8, 100].map(backoffMs),
    [100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000],
  )
})
