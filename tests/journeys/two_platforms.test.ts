import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { readyAtMs, verifiedBill } from './bill.ts'
import { containersOf, thingsOf } from './engine.ts'
import { JourneyPlatform } from './platform.ts'
import { costedSchema, instanceSchema, Person } from './shell.ts'
import { until } from './until.ts'

// Ctrl-C on one platform; another begins on the same engine; the first comes back to what it left.

/** A silence longer than a minute is free (product.md §1), and what is asserted of it needs some more. */
const silenceMs = 63_000
/** `npm start` with nothing left to install (issue 3), on a machine that does other things meanwhile. */
const laterStartMsMax = 15_000

describe('two platforms, one of them away for a while', () => {
  let first: JourneyPlatform
  let second: JourneyPlatform
  let ada: Person
  let ben: Person
  let stays: { readonly id: string; readonly allocation: string; readonly container: string }
  let stoppedAt = 0

  /** The container of Ada's instance, as the engine has it. */
  const container = async (instance: string): Promise<string> => {
    const { installation } = await first.record()
    const found = await containersOf(installation, instance)
    return found.map(({ id, startedAt, status }) => `${id} started at ${startedAt}, ${status}`).join()
  }

  before(async () => {
    first = await JourneyPlatform.open()
    ada = new Person(first)
    await ada.login()
    await first.untilOffered(ada, 'base:1')
    await ada.ask('launch', 'stays', '--image', 'base:1', '--flavor', 'cpu.1x2', '--volume-gib', '1', '--yes')
    await ada.ask('ssh', 'stays', 'echo before > file')
    const { id, allocation } = await ada.json(instanceSchema, 'show', 'stays')
    stays = { id, allocation: allocation?.id ?? '', container: await container(id) }
  })
  after(async () => {
    await second?.remove()
    await first?.close()
  })

  test('Ctrl-C stops the platform in order and leaves the instance running', async () => {
    assert.match(stays.container, /running$/)
    await first.interrupt()
    stoppedAt = performance.now()
    assert.match(first.output(), /^Stopping; instances go on running, free of charge/m)
    assert.match(first.output(), /^Stopped\.$/m)
    assert.equal(await container(stays.id), stays.container)
    for (const name of ['api', 'controller', 'gateway', 'postgres', 'main'] as const)
      assert.equal(await first.processOf(name), null, name)
    const away = ada.begin('ls')
    const { code, stderr } = await away.ended
    assert.equal(code, 8, away.seen())
    assert.match(stderr, /^error: Cannot reach .* that it is running\.$/m)
  })

  test('a second one begins; what is asked before its image is there waits, free', async (context) => {
    second = await JourneyPlatform.prepare()
    const elapsedMs = await second.start()
    context.diagnostic(`ready on fresh data after ${Math.round(elapsedMs)} ms`)
    ben = new Person(second)
    await ben.login()
    const words = ['--name', 'waits', '--image', 'base:1', '--flavor', 'cpu.1x2', '--', 'echo', 'hello']
    const running = ben.begin('run', ...words)
    const { code, stdout, stderr } = await running.ended
    assert.equal(code, 0, running.seen())
    assert.match(
      stderr,
      /: queued: (its image is being built|base:1 is (waiting|building|proving)).* · free$/m,
    )
    assert.equal(stdout, 'hello\n')
    const { cost } = await ben.json(costedSchema, 'show', 'waits')
    assert.ok(Number(cost.paidMillis) < 2_000, `the wait was paid for: ${cost.paidMillis} ms`)
    assert.equal(await container(stays.id), stays.container)
  })

  test('a start on data that a running platform holds: one clear error, nothing disturbed', async () => {
    const before = await second.processOf('api')
    const again = await JourneyPlatform.prepare({ GPUHOUR_DATA: second.dataDir })
    again.launch()
    assert.equal(await again.exited(), 1)
    const errors = again.output().match(/^error: .*$/gm)
    assert.deepEqual(errors?.length, 1, again.output())
    assert.match(errors?.[0] ?? '', /A platform is already running on .* \(pid \d+\)/)
    assert.deepEqual(await second.processOf('api'), before)
    again.forget()
  })

  test('a taken port: one clear error, nothing half-done', async () => {
    const port = second.environment['GPUHOUR_APPS_PORT'] ?? ''
    const third = await JourneyPlatform.prepare({ GPUHOUR_APPS_PORT: port })
    third.launch()
    assert.equal(await third.exited(), 1)
    const errors = third.output().match(/^error: .*$/gm)
    assert.deepEqual(errors?.length, 1, third.output())
    assert.match(errors?.[0] ?? '', new RegExp(`Port ${port}\\b.* taken.*GPUHOUR_APPS_PORT`))
    assert.ok(!existsSync(third.dataDir), 'a data folder was begun')
    third.forget()
  })

  test('the first comes back: same container, and the silence was free', async (context) => {
    await until('a minute of silence', () => performance.now() - stoppedAt > silenceMs, {
      withinMs: silenceMs * 2,
    })
    const elapsedMs = await first.start()
    context.diagnostic(`ready on known data after ${Math.round(elapsedMs)} ms`)
    assert.ok(elapsedMs < laterStartMsMax, `${elapsedMs} ms`)
    const seen = await until('the instance running again', async () => {
      const one = await ada.json(instanceSchema, 'show', 'stays')
      return one.state === 'running' && one
    })
    assert.equal(seen.allocation?.id, stays.allocation)
    assert.equal(await container(stays.id), stays.container)
    assert.equal(await ada.ask('ssh', 'stays', 'cat file'), 'before\n')
    const bill = await verifiedBill(ada)
    const types = bill.events.flatMap(({ resource, type }) => (resource === stays.allocation ? [type] : []))
    assert.deepEqual(types, ['allocated', 'ready', 'contact_lost', 'seen_again'])
    const sinceReadyMs = Date.now() - readyAtMs(bill, stays.allocation)
    const paidMs = Number((await ada.json(instanceSchema, 'show', 'stays')).cost.paidMillis)
    context.diagnostic(`paid ${paidMs} ms of ${sinceReadyMs} ms since it was ready`)
    assert.ok(paidMs <= sinceReadyMs - silenceMs, `paid ${paidMs} ms of ${sinceReadyMs} ms`)
  })

  test('both run side by side, and one that goes takes nothing of the other along', async () => {
    const [hers, his] = [await first.record(), await second.record()]
    assert.notEqual(hers.installation, his.installation)
    const job = ['run', '--image', 'base:1', '--flavor', 'cpu.1x2', '--', 'hostname'] as const
    const both = await Promise.all([ada.gpuhour(...job), ben.gpuhour(...job)])
    assert.deepEqual(
      both.map(({ code }) => code),
      [0, 0],
    )
    await second.remove()
    assert.deepEqual(await thingsOf(his.installation), [])
    assert.equal(await container(stays.id), stays.container)
    assert.equal(await ada.ask('ssh', 'stays', 'cat file'), 'before\n')
  })
})
