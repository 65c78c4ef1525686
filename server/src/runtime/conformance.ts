import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { AllocationId } from '../kernel/ids.ts'
import { seconds } from '../kernel/time.ts'
import { type LogCursor, noticeFile, type RuntimeDriver } from './driver.ts'
import {
  factOf,
  type Given,
  type Harness,
  never,
  pollMs,
  polls,
  runs,
  story,
  until,
  untilItSpoke,
  untilAbsent,
} from './harness.ts'

/** The story of one driver's promises; both drivers keep them. */
export function conformance(name: string, makeHarness: () => Promise<Harness>): void {
  describe(`the ${name} driver`, () => {
    let harness: Harness
    before(async () => {
      harness = await makeHarness()
    })
    after(async () => {
      await harness.close()
    })
    making(() => harness)
    refusals(() => harness)
    readiness(() => harness)
    ending(() => harness)
    observing(() => harness)
    strangers(() => harness)
    inside(() => harness)
    telling(() => harness)
    logs(() => harness)
  })
}

function making(given: Given): void {
  story(given, 'makes once what it is asked for twice', runs, 'attempt', async (harness, spec) => {
    await harness.driver.ensure(spec, never)
    const first = await until(harness, spec.id, 'ready')
    await harness.driver.ensure(spec, never)
    assert.deepEqual(await until(harness, spec.id, 'ready'), first)
  })

  story(given, 'makes once what is asked for twice at once', runs, 'attempt', async (harness, spec) => {
    await Promise.all([harness.driver.ensure(spec, never), harness.driver.ensure(spec, never)])
    const [seen] = await harness.driver.observe([harness.node], never)
    assert.equal(seen?.answered && seen.facts.filter(({ id }) => id === spec.id).length, 1)
    await until(harness, spec.id, 'ready')
  })

  story(given, 'adopts what a controller before it made', runs, 'instance', async (harness, spec) => {
    await harness.driver.ensure(spec, never)
    const { startedAt } = await until(harness, spec.id, 'ready')
    const next = harness.restarted()
    const found = await factOf(harness, spec.id, next)
    assert.ok(found?.seen === 'preparing' || found?.seen === 'ready', 'it is seen before it is asked for')
    assert.equal(found.startedAt, startedAt)
    assert.equal(
      (await until(harness, spec.id, 'ready', next)).startedAt,
      startedAt,
      'and is asked on by itself',
    )
    await next.ensure(spec, never)
    assert.equal((await until(harness, spec.id, 'ready', next)).startedAt, startedAt)
  })

  story(
    given,
    'completes what a killed controller left half-made',
    runs,
    'attempt',
    async (harness, spec) => {
      await assert.rejects(harness.dying().ensure(spec, never))
      const next = harness.restarted()
      assert.equal((await factOf(harness, spec.id, next))?.seen, 'preparing')
      await next.ensure(spec, never)
      await until(harness, spec.id, 'ready', next)
    },
  )

  story(given, 'removes what a killed controller left half-made', runs, 'attempt', async (harness, spec) => {
    await assert.rejects(harness.dying().ensure(spec, never))
    assert.equal((await factOf(harness, spec.id))?.seen, 'preparing')
  })
}

function refusals(given: Given): void {
  story(given, 'refuses another specification under the same id', runs, 'attempt', async (harness, spec) => {
    await harness.driver.ensure(spec, never)
    const other = { ...spec, environment: new Map([['OTHER', '1']]) }
    await assert.rejects(harness.driver.ensure(other, never), { code: 'spec_refused', retry: 'never' })
    await assert.rejects(harness.restarted().ensure(other, never), { code: 'spec_refused', retry: 'never' })
  })

  story(given, 'stops making what is to be removed', runs, 'instance', async (harness, spec) => {
    const outcome = harness.driver.ensure(spec, never).catch(({ retry }: { retry: string }) => retry)
    await harness.driver.remove(spec.id, never)
    assert.ok(['later', undefined].includes((await outcome) ?? undefined))
    await untilAbsent(harness, spec.id)
  })

  it('says which image is absent, and that asking again is no use', async () => {
    const harness = given()
    const spec = harness.spec(runs, 'attempt', { image: harness.absentImage })
    await assert.rejects(harness.driver.ensure(spec, never), { code: 'image_unavailable', retry: 'never' })
    assert.deepEqual(await harness.left(spec.id), [])
  })

  const devices = ['GPU-00000000-0000-0000-0000-000000000000']
  story(
    given,
    'sends on what needs a device it lacks',
    runs,
    'attempt',
    async (harness, spec) => {
      await assert.rejects(harness.driver.ensure(spec, never), { code: 'no_such_device', retry: 'elsewhere' })
    },
    { devices },
  )
}

function readiness(given: Given): void {
  story(given, 'is seen in preparation before its doors answer', runs, 'instance', async (harness, spec) => {
    let isMade = false
    const made = harness.driver.ensure(spec, never).then(() => (isMade = true))
    const stages: string[] = []
    for (let poll = 0; poll < polls; poll += 1) {
      const fact = await factOf(harness, spec.id)
      if (fact?.seen === 'ready') break
      if (fact?.seen === 'preparing' && stages.at(-1) !== fact.stage) stages.push(fact.stage)
      await harness.pass(isMade ? 10 : 1)
    }
    await made
    const order = ['pulling', 'creating', 'starting']
    assert.ok(stages.length > 0, 'at least one stage was seen')
    assert.deepEqual(
      stages,
      order.filter((stage) => stages.includes(stage)),
      'stages never go back',
    )
    const ready = await until(harness, spec.id, 'ready')
    for (const [port, door] of ready.doors)
      assert.ok(spec.ports.includes(port) && door.host !== '' && door.port > 0)
  })

  story(given, 'nudges when something may have changed', runs, 'instance', async (harness, spec) => {
    const off = new AbortController()
    let nudges = 0
    harness.driver.watch(() => (nudges += 1), off.signal)
    try {
      await harness.driver.ensure(spec, never)
      for (let poll = 0; poll < polls && nudges === 0; poll += 1) await harness.pass(pollMs)
      assert.ok(nudges > 0)
      await until(harness, spec.id, 'ready')
    } finally {
      off.abort()
    }
  })
}

function ending(given: Given): void {
  for (const exitCode of [0, 7]) {
    story(
      given,
      `sees an end with ${exitCode}`,
      { does: 'exit', exitCode },
      'attempt',
      async (harness, spec) => {
        await harness.driver.ensure(spec, never)
        const ended = await until(harness, spec.id, 'ended')
        assert.deepEqual([ended.exitCode, ended.signal, ended.outOfMemory], [exitCode, null, false])
        assert.ok(ended.startedAt !== null && ended.endedAt >= ended.startedAt)
        await harness.driver.ensure(spec, never)
        assert.deepEqual(
          await until(harness, spec.id, 'ended'),
          ended,
          'what has ended is never started again',
        )
        await harness.driver.halt(spec.id, seconds(1), never)
        assert.deepEqual(await until(harness, spec.id, 'ended'), ended)
      },
    )
  }

  story(given, 'ends by TERM', { does: 'print', lines: 1 }, 'attempt', async (harness, spec) => {
    await harness.driver.ensure(spec, never)
    // A TERM that comes before the command does is nobody's.
    await untilItSpoke(harness, spec.id)
    await Promise.all([1, 2].map(() => harness.driver.halt(spec.id, seconds(10), never)))
    const ended = await until(harness, spec.id, 'ended')
    assert.deepEqual([ended.exitCode, ended.signal], [143, 'TERM'])
  })

  story(
    given,
    'ends by KILL what ignores TERM',
    { does: 'ignore TERM' },
    'attempt',
    async (harness, spec) => {
      await harness.driver.ensure(spec, never)
      await until(harness, spec.id, 'ready')
      // It has to have come as far as ignoring the signal.
      await harness.pass(500)
      await harness.driver.halt(spec.id, seconds(0.5), never)
      const ended = await until(harness, spec.id, 'ended')
      assert.deepEqual([ended.exitCode, ended.signal], [137, 'KILL'])
    },
  )

  story(given, 'ends what is paused', runs, 'attempt', async (harness, spec) => {
    await harness.driver.ensure(spec, never)
    await until(harness, spec.id, 'ready')
    await harness.behindOurBack.pause(spec.id)
    await harness.driver.halt(spec.id, seconds(5), never)
    await until(harness, spec.id, 'ended')
  })

  story(given, 'takes an absent allocation for ended and removed', runs, 'attempt', async (harness, spec) => {
    await harness.driver.halt(spec.id, seconds(1), never)
    await harness.driver.remove(spec.id, never)
    await harness.driver.remove(spec.id, never)
  })

  story(given, 'removes what runs, and leaves nothing', runs, 'instance', async (harness, spec) => {
    await harness.driver.ensure(spec, never)
    assert.notDeepEqual(await harness.left(spec.id), [])
    await harness.driver.remove(spec.id, never)
    assert.equal(await factOf(harness, spec.id), null)
  })
}

function observing(given: Given): void {
  it('tells silence from absence', async () => {
    const harness = given()
    const [silent] = await harness.silenced().observe([harness.node], never)
    assert.deepEqual(silent, { node: harness.node.id, answered: false })
    const [answer] = await harness.driver.observe([harness.node], never)
    assert.equal(answer?.answered, true)
  })

  it('takes an engine with another id, and a machine it does not know, for silent', async () => {
    const harness = given()
    const others = [
      { ...harness.node, engineId: 'another engine' },
      { ...harness.node, name: 'another machine' },
    ]
    const seen = await harness.driver.observe(others, never)
    assert.deepEqual(
      seen.map(({ answered }) => answered),
      [false, false],
    )
  })

  it('tells the machine, its boot and its clock', async () => {
    const harness = given()
    const [fact] = await harness.driver.inventory(never)
    const [seen] = await harness.driver.observe([harness.node], never)
    assert.ok(fact && seen?.answered)
    assert.deepEqual([fact.name, fact.engineId], [harness.node.name, harness.node.engineId])
    assert.deepEqual([seen.engineId, seen.bootId], [fact.engineId, fact.bootId])
    assert.ok(fact.cpus > 0 && fact.memoryGib > 0 && fact.diskGib > 0 && seen.nodeNow > 0)
  })

  story(given, 'sees what was removed behind our back', runs, 'attempt', async (harness, spec) => {
    await harness.driver.ensure(spec, never)
    await until(harness, spec.id, 'ready')
    await harness.behindOurBack.remove(spec.id)
    assert.equal(await factOf(harness, spec.id), null, 'absent at once, not in preparation')
  })

  story(given, 'sees what was paused behind our back', runs, 'instance', async (harness, spec) => {
    await harness.driver.ensure(spec, never)
    const { startedAt } = await until(harness, spec.id, 'ready')
    await harness.behindOurBack.pause(spec.id)
    assert.equal((await until(harness, spec.id, 'paused')).startedAt, startedAt)
    await harness.behindOurBack.resume(spec.id)
    assert.equal((await until(harness, spec.id, 'ready')).startedAt, startedAt)
  })

  story(given, 'sees what was killed behind our back', runs, 'attempt', async (harness, spec) => {
    await harness.driver.ensure(spec, never)
    await until(harness, spec.id, 'ready')
    await harness.behindOurBack.kill(spec.id)
    const ended = await until(harness, spec.id, 'ended')
    assert.deepEqual([ended.exitCode, ended.signal, ended.outOfMemory], [137, 'KILL', false])
  })

  story(given, 'sees another process under the same name', runs, 'attempt', async (harness, spec) => {
    await harness.driver.ensure(spec, never)
    const { startedAt } = await until(harness, spec.id, 'ready')
    await harness.pass(10)
    await harness.behindOurBack.restart(spec.id)
    assert.notEqual((await until(harness, spec.id, 'ready')).startedAt, startedAt)
  })
}

function strangers(given: Given): void {
  it('neither sees nor touches what belongs to another platform', async () => {
    const harness = given()
    const other = harness.otherPlatform()
    const spec = harness.spec(runs, 'attempt')
    try {
      await other.ensure(spec, never)
      const { startedAt } = await until(harness, spec.id, 'ready', other)
      assert.equal(await factOf(harness, spec.id), null)
      await assert.rejects(harness.driver.ensure(spec, never), { code: 'spec_refused' })
      await harness.driver.halt(spec.id, seconds(0), never)
      await harness.driver.remove(spec.id, never)
      const { code } = await refusalOf(harness.driver, spec.id)
      assert.equal(code, 'log_gone')
      assert.equal((await until(harness, spec.id, 'ready', other)).startedAt, startedAt)
    } finally {
      await other.remove(spec.id, never)
    }
    assert.deepEqual(await harness.left(spec.id), [])
  })
}

function inside(given: Given): void {
  const files = new Map([
    ['jupyter_token', 'a-token-nobody-may-see'],
    ['authorized_keys', 'ssh-ed25519 AAAA gateway\n'],
  ])
  const rest = { files, limits: { cpus: 0.5, memoryGib: 0.25, diskGib: 1, pids: 64 } }
  story(
    given,
    'gives files and limits, and no secret to the environment',
    runs,
    'attempt',
    async (harness, spec) => {
      await harness.driver.ensure(spec, never)
      await until(harness, spec.id, 'ready')
      for (const [name, text] of files) assert.equal(await harness.fileInside(spec.id, name), text)
      assert.doesNotMatch(await harness.environmentOf(spec.id), /a-token-nobody-may-see/)
      assert.deepEqual(await harness.limitsOf(spec.id), { cpus: 0.5, memoryGib: 0.25, pids: 64 })
    },
    rest,
  )
}

function telling(given: Given): void {
  const notice = 'the money ends at noon\n{"until":"12:00"}\n'
  story(given, 'tells what runs, changes it and takes it back', runs, 'attempt', async (harness, spec) => {
    await harness.driver.ensure(spec, never)
    await until(harness, spec.id, 'ready')
    for (const text of [notice, notice.replace('noon', 'one')]) {
      await harness.driver.tell(spec.id, text, never)
      assert.equal(await harness.fileInside(spec.id, noticeFile), text)
    }
    // Another controller does not know what was told; nor does it matter to what was asked for.
    await harness.restarted().ensure(spec, never)
    await harness.restarted().tell(spec.id, null, never)
    await harness.driver.tell(spec.id, null, never)
    assert.doesNotMatch(await harness.fileInside(spec.id, noticeFile), /money/)
  })

  it('tells nothing where nobody is', async () => {
    const harness = given()
    const { id } = harness.spec(runs, 'attempt')
    await harness.driver.tell(id, notice, never)
    await harness.driver.tell(id, null, never)
    assert.deepEqual(await harness.left(id), [])
  })

  story(given, 'leaves no word of it behind', runs, 'attempt', async (harness, spec) => {
    await harness.driver.ensure(spec, never)
    await harness.driver.tell(spec.id, notice, never)
  })
}

async function refusalOf(driver: RuntimeDriver, id: AllocationId): Promise<{ code: string }> {
  try {
    await driver.logs(id, 'start', never)[Symbol.asyncIterator]().next()
  } catch (error) {
    // Whatever it is, the caller compares its code.
    return error as { code: string }
  }
  return { code: 'none' }
}

async function read(driver: RuntimeDriver, id: AllocationId, from: LogCursor, most = Infinity) {
  let text = ''
  let cursor = from
  let count = 0
  for await (const line of driver.logs(id, from, never)) {
    text += line.text
    ;({ cursor } = line)
    count += 1
    if (count >= most) break
  }
  return { text, cursor, count }
}

function logs(given: Given): void {
  const lines = 3000
  story(
    given,
    'gives every line once, whoever asks',
    { does: 'print', lines },
    'attempt',
    async (harness, spec) => {
      await harness.driver.ensure(spec, never)
      await until(harness, spec.id, 'ready')
      let text = ''
      let cursor: LogCursor = 'start'
      let driver = harness.driver
      for (let poll = 0; poll < polls; poll += 1) {
        // Every reader stops in the middle, and another controller goes on from there.
        const part = await read(driver, spec.id, cursor, 700)
        text += part.text
        cursor = part.cursor
        driver = harness.restarted()
        if (text.split('\n').length > lines) break
        await harness.pass(pollMs)
      }
      const numbers = text
        .trimEnd()
        .split('\n')
        .map((line) => Number(/^line (\d+)\b/.exec(line)?.[1]))
      assert.deepEqual(
        numbers,
        Array.from({ length: lines }, (_, index) => index + 1),
      )
      assert.deepEqual(await read(driver, spec.id, cursor), { text: '', cursor, count: 0 })
      assert.equal((await read(driver, spec.id, 'start')).text, text)
    },
  )

  it('says that the log of an absent allocation is gone', async () => {
    const harness = given()
    const { code } = await refusalOf(harness.driver, harness.spec(runs, 'attempt').id)
    assert.equal(code, 'log_gone')
  })
}
