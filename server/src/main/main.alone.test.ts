import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { systemClock } from '../kernel/clock.ts'
import { isAlive, processesIn, processOf, type ProcessRef } from '../store/processes.ts'
import { type Platform, readPlatform } from './platform.ts'

// `npm start`'s program as a process of its own, on the simulated runtime; SIGKILL is SIGKILL.

const never = new AbortController().signal
const program = fileURLToPath(new URL('./main.ts', import.meta.url))

/** A later start, nothing left to install, is ready within this (issue 3). */
const readyMsMax = 5_000

interface Started {
  readonly child: ChildProcess
  readonly pid: number
  readonly output: () => string
  /** The exit code, or the signal's name. */
  readonly exited: Promise<number | string>
}

function start(environment: Readonly<Record<string, string>>): Started {
  const child = spawn(process.execPath, [program], { env: { ...process.env, ...environment }, stdio: 'pipe' })
  let text = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (bytes: Buffer) => (text += bytes.toString()))
  const exited = new Promise<number | string>((resolve) => {
    child.once('exit', (code, signal) => resolve(code ?? signal ?? 'unknown'))
  })
  return { child, pid: child.pid ?? 0, output: () => text, exited }
}

async function until(what: () => boolean | Promise<boolean>, context: () => string): Promise<void> {
  for (const deadline = performance.now() + 60_000; !(await what());) {
    assert.ok(performance.now() < deadline, `waited for ${what.toString()}\n${context()}`)
    await systemClock.sleep(20, never)
  }
}

describe('npm start', () => {
  let dir = ''
  let environment: Record<string, string> = {}
  const left: Started[] = []
  before(() => {
    dir = mkdtempSync(join(tmpdir(), 'gpuhour-main-'))
    chmodSync(dir, 0o711)
    environment = {
      GPUHOUR_DATA: join(dir, 'data'),
      GPUHOUR_RUNTIME: 'simulated',
      GPUHOUR_PORT: '0',
      GPUHOUR_APPS_PORT: '0',
      GPUHOUR_SSH_PORT: '0',
    }
  })
  after(async () => {
    for (const { child, exited } of left) {
      child.kill('SIGTERM')
      await exited
    }
    rmSync(dir, { recursive: true, force: true })
  })

  const ready = async (started: Started): Promise<Platform> => {
    left.push(started)
    const isOver = (): boolean => /^ready: /m.test(started.output()) || started.child.exitCode !== null
    await until(isOver, started.output)
    assert.match(started.output(), /^ready: http:\/\/localhost:\d+$/m, started.output())
    const platform = await readPlatform(join(dir, 'data'))
    assert.ok(platform)
    return platform
  }
  const roles = (): readonly ProcessRef[] =>
    ['api', 'controller', 'gateway'].flatMap((name) => {
      // Written by roles.ts.
      const ref = JSON.parse(readFileSync(join(dir, `data/run/${name}.json`), 'utf8')) as ProcessRef
      return isAlive(ref) ? [ref] : []
    })
  const postmaster = (): number =>
    Number(readFileSync(join(dir, 'data/postgres/data/postmaster.pid'), 'utf8').split('\n')[0])
  const isServed = (platform: Platform): Promise<boolean> =>
    fetch(`${platform.api}/readyz`).then(
      ({ status }) => status === 200,
      () => false,
    )
  let first: Platform

  test('says what it found, prints its address last, and ends in order', async () => {
    const started = start(environment)
    first = await ready(started)
    assert.match(started.output(), /^Machine: \d+ CPUs/m)
    assert.match(started.output(), /^Database: PostgreSQL 18 \(embedded\), started$/m)
    assert.match(started.output(), new RegExp(`^ready: ${first.console}$`, 'm'))
    assert.equal(statSync(join(dir, 'data/platform.json')).mode & 0o777, 0o600)
    assert.equal(first.pid, started.pid)
    const before = roles()
    assert.equal(before.length, 3)
    started.child.kill('SIGINT')
    started.child.kill('SIGINT')
    assert.equal(await started.exited, 0, started.output())
    assert.match(started.output(), /^Stopped\.$/m)
    assert.deepEqual(before.filter(isAlive), [])
    assert.deepEqual(processesIn(join(dir, 'data/postgres/data')), [])
  })

  test('a later start has the same identity and is ready in five seconds', async (context) => {
    const startedAt = performance.now()
    const started = start(environment)
    const platform = await ready(started)
    const elapsedMs = performance.now() - startedAt
    context.diagnostic(`ready in ${Math.round(elapsedMs)} ms`)
    assert.ok(elapsedMs < readyMsMax, `${elapsedMs} ms`)
    assert.equal(platform.installation, first.installation)
    assert.equal(platform.operatorSecret, first.operatorSecret)
  })

  test('a start on the same data is refused with one sentence, and disturbs nothing', async () => {
    const [running] = left.slice(-1)
    assert.ok(running)
    const second = start(environment)
    assert.equal(await second.exited, 1)
    assert.match(
      second.output(),
      new RegExp(`error: A platform is already running on .*\\(pid ${running.pid}\\)`),
    )
    assert.equal(roles().length, 3)
  })

  test('a taken port is refused before anything was started, and leaves nothing', async () => {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const address = server.address()
    assert.ok(typeof address === 'object' && address)
    const data = join(dir, 'other')
    const started = start({ ...environment, GPUHOUR_DATA: data, GPUHOUR_PORT: String(address.port) })
    assert.equal(await started.exited, 1)
    assert.match(
      started.output(),
      new RegExp(`error: Port ${address.port}, for the console, is taken.*GPUHOUR_PORT=`),
    )
    assert.equal(existsSync(data), false)
    await new Promise((resolve) => server.close(resolve))
  })

  test('a killed role is started again, on its old port', async () => {
    const platform = await readPlatform(join(dir, 'data'))
    assert.ok(platform)
    for (const role of roles()) process.kill(role.pid, 'SIGKILL')
    const [running] = left.slice(-1)
    await until(
      () => roles().length === 3,
      () => running?.output() ?? '',
    )
    await until(
      () => (running?.output().match(/: is back$/gm)?.length ?? 0) >= 3,
      () => running?.output() ?? '',
    )
  })

  test('a killed PostgreSQL is started again', async () => {
    const [running] = left.slice(-1)
    const before = postmaster()
    process.kill(before, 'SIGKILL')
    await until(
      () => /^postgres: is back$/m.test(running?.output() ?? ''),
      () => running?.output() ?? '',
    )
    assert.notEqual(postmaster(), before)
  })

  test('a killed main takes its roles with it; the next start adopts the database', async () => {
    const running = left.pop()
    assert.ok(running)
    const before = roles()
    const database = processOf(postmaster())
    assert.ok(database)
    running.child.kill('SIGKILL')
    assert.equal(await running.exited, 'SIGKILL')
    await until(() => before.filter(isAlive).length === 0, running.output)
    assert.ok(isAlive(database))
    const next = start(environment)
    await ready(next)
    assert.match(next.output(), /^Database: PostgreSQL 18 \(embedded\), still running$/m)
    assert.equal(postmaster(), database.pid)
  })

  test('it serves', async () => {
    const platform = await readPlatform(join(dir, 'data'))
    assert.ok(platform)
    await until(
      () => isServed(platform),
      () => left.at(-1)?.output() ?? '',
    )
  })
})
