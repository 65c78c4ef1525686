import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { createBudget } from '../billing/billing.ts'
import { type Machine, Stage } from '../billing/testing.ts'
import { asId } from '../kernel/ids.ts'
import { nanos } from '../kernel/money.ts'
import { minuteMs } from '../kernel/time.ts'
import { noticeFile } from '../runtime/driver.ts'
import { SimulatedRuntime } from '../runtime/simulated/simulated.ts'
import { SimulatedWorld } from '../runtime/simulated/world.ts'
import { makeWarner } from './warner.ts'

// Machines of the stage, made in a simulated world: what is written there is what a guest would read.

const never = new AbortController().signal
const unit = 1_000_000_000n
const lines = [{ sku: 'gpu.h100', quantity: 1 }]

let stage: Stage
let world: SimulatedWorld
let driver: SimulatedRuntime
let troubles: string[] = []
let opened = 0

beforeEach(async () => {
  opened += 1
  stage = await Stage.open({ seed: `warner ${opened}` })
  await stage.publish({ 'gpu.h100': 3n * unit, volume: unit })
  const plan = { name: 'alpha', cpus: 8, memoryGib: 64, diskGib: 100, devices: [] }
  world = new SimulatedWorld({ clock: stage.clock, seed: 'warner', nodes: [plan] })
  driver = new SimulatedRuntime({ world, installation: 'plt_1' })
  troubles = []
})
afterEach(() => stage.close())

async function run(): Promise<Machine> {
  const machine = await stage.run(lines)
  const nothing = { devices: [], command: null, environment: new Map(), files: new Map(), mounts: [] }
  const limits = { cpus: 1, memoryGib: 1, diskGib: 1, pids: 100 }
  await driver.ensure(
    {
      ...{ id: machine.allocation, subject: machine.subject, node: asId('node', 'nod_stage'), ...nothing },
      ...{ image: 'sim/ok', ports: [], limits, readiness: [], group: null, purpose: 'instance' },
    },
    never,
  )
  return machine
}

/** The warner of one process. */
function warner(): () => Promise<void> {
  const onTrouble = (_: string, what: string): void => void troubles.push(what)
  const loop = makeWarner({ store: stage.store, driver, console: 'http://console', onTrouble })
  return async () => void (await loop.pass(never))
}

function read({ allocation }: Machine): { line: string; json: Record<string, unknown> } | null {
  const text = world.container(allocation)?.files[noticeFile]
  if (text === undefined) return null
  const [line = '', json = '', end] = text.split('\n')
  assert.equal(end, '', 'two lines')
  return { line, json: JSON.parse(json) }
}

describe('a guest', () => {
  test('reads when its money ends, at each warning, and nothing before', async () => {
    await stage.grant(3n * unit + unit / 4n)
    const machine = await run()
    const pass = warner()
    await pass()
    assert.equal(read(machine), null)
    await stage.pass(6 * 60)
    await pass()
    assert.deepEqual(read(machine), {
      line:
        'gpuhour: the balance is used up at 2026-03-02 01:05:00 UTC, and this is stopped then. ' +
        'Save your work. http://console/billing',
      json: {
        kind: 'money_ends',
        until: '2026-03-02T01:05:00.000Z',
        minutes: 60,
        because: 'balance',
        console: 'http://console/billing',
      },
    })
    await stage.pass(50 * 60)
    await pass()
    assert.equal(read(machine)?.json['minutes'], 10)
  })

  test('is told that it is over, also by a process that has just begun', async () => {
    await stage.grant(unit / 2n)
    const machine = await run()
    await warner()()
    assert.equal(read(machine)?.json['minutes'], 10)
    await stage.grant(100n * unit)
    await warner()()
    assert.equal(read(machine), null)
  })

  test('hears of the others’ burn at once', async () => {
    await stage.grant(4n * unit)
    const machine = await run()
    const pass = warner()
    await pass()
    assert.equal(read(machine), null)
    const others = [await run(), await run()]
    await pass()
    for (const one of [machine, ...others]) assert.equal(read(one)?.json['minutes'], 60)
  })

  test('is told of a budget that ends before the balance does', async () => {
    await stage.grant(100n * unit)
    const machine = await run()
    const { organization } = stage
    await stage.store.transact((tx) =>
      createBudget(tx, {
        ...{
          id: asId('budget', 'bud_1'),
          organization,
          name: 'cap',
          limit: nanos(unit),
          createdBy: 'per_us',
        },
        ...{ scope: 'organization', target: organization, job: null, period: 'total', action: 'stop' },
        requestHash: 'x',
      }),
    )
    await warner()()
    const told = read(machine)
    assert.equal(told?.json['minutes'], 60)
    assert.match(String(told?.json['because']), /budget/)
    assert.equal(told?.json['until'], '2026-03-02T00:20:00.000Z')
  })

  test('that cannot be reached is told as soon as it can', async () => {
    await stage.grant(unit / 2n)
    const machine = await run()
    const pass = warner()
    world.silence('alpha', minuteMs)
    await pass()
    assert.equal(read(machine), null)
    assert.equal(troubles.length, 1)
    await stage.pass(61)
    await pass()
    assert.equal(read(machine)?.json['minutes'], 10)
    assert.equal(troubles.length, 1)
  })
})
