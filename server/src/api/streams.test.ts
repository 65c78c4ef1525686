import assert from 'node:assert/strict'
import { appendFile, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { type Client, makeId } from '@gpuhour/sdk/client'
import { sql } from 'kysely'
import * as jobs from '../jobs/jobs.ts'
import { systemClock } from '../kernel/clock.ts'
import { asId } from '../kernel/ids.ts'
import { testApi } from './testing.ts'

/** By how much time is ahead of the machine's, for what a stream believes for a while. */
let aheadMs = 0
const api = await testApi({ ...systemClock, monotonic: () => systemClock.monotonic() + aheadMs })
after(() => api.close())
await mkdir(join(api.dataDir, 'logs'))

const { project } = api.demo

async function makeRun(): Promise<string> {
  const body = {
    id: makeId('run'),
    image: 'sim/ok:1',
    flavor: 'cpu.1x2',
    command: ['python', 'templates/cnn/train.py'],
  }
  const run = await api.operator.createRun({ params: { project }, body })
  assert.equal(run.name, 'train')
  return run.id
}

async function write(run: string, from: number, to: number): Promise<void> {
  const line = (n: number) =>
    `${JSON.stringify({ n, stream: 'stdout', text: `line ${n}\n`, a: 'alo_x', c: String(n) })}\n`
  const text = Array.from({ length: to - from + 1 }, (_, index) => line(from + index)).join('')
  await appendFile(join(api.dataDir, 'logs', `${run}.jsonl`), text)
  await api.store.transact((tx) => tx.notify('logs', run))
}

async function complete(run: string): Promise<void> {
  await api.store.transact(async (tx) => {
    await jobs.markLogComplete(tx, asId('run', run))
    await tx.notify('logs', run)
  })
}

test('a log that grows arrives whole, in order, each line once, and ends when it is complete', async () => {
  const run = await makeRun()
  await write(run, 1, 20_000)
  const seen: number[] = []
  let end: unknown = null
  for await (const { event, data } of api.operator.followRunLog({ params: { run } })) {
    if (event === 'end') end = data
    else seen.push(data.n)
    if (seen.length === 20_000 && event === 'line') {
      await write(run, 20_001, 20_100)
      await complete(run)
    }
  }
  assert.equal(seen.length, 20_100)
  assert.ok(seen.every((n, index) => n === index + 1))
  assert.deepEqual(end, { lines: 20_100 })
})

test('what is there now can be had without waiting for more', async () => {
  const run = await makeRun()
  await write(run, 1, 3)
  const seen: unknown[] = []
  for await (const { event, data } of api.operator.followRunLog({
    params: { run },
    query: { follow: 'false' },
  }))
    seen.push(event === 'line' ? data.n : event)
  assert.deepEqual(seen, [1, 2, 3, 'end'])
})

test('a log is resumed after the line that was seen last', async () => {
  const run = await makeRun()
  await write(run, 1, 50)
  await complete(run)
  const seen: unknown[] = []
  for await (const { event, data } of api.operator.followRunLog({ params: { run } }, { lastEventId: '47' }))
    seen.push(event === 'line' ? data.n : event)
  assert.deepEqual(seen, [48, 49, 50, 'end'])
})

test('a run that never got devices has an end, and nothing before it', async () => {
  const run = await makeRun()
  await api.operator.cancelRun({ params: { run } })
  const seen: string[] = []
  for await (const { event } of api.operator.followRunLog({ params: { run } })) seen.push(event)
  assert.deepEqual(seen, ['end'])
})

test('the history of a subject is resumed; its present state always comes', async () => {
  const run = await makeRun()
  const events: string[] = []
  let last = ''
  for await (const followed of api.operator.followRun({ params: { run } })) {
    if (followed.event === 'event') last = followed.id ?? ''
    events.push(followed.event === 'event' ? followed.data.event : `state ${followed.data.state}`)
    if (followed.event === 'run' && followed.data.state === 'queued')
      await api.operator.cancelRun({ params: { run } })
    if (followed.event === 'run' && followed.data.state === 'canceled') break
  }
  assert.deepEqual(events, ['created', 'state queued', 'stop_requested', 'state canceled'])
  for await (const followed of api.operator.followRun({ params: { run } }, { lastEventId: last })) {
    assert.equal(followed.event, 'run')
    break
  }
})

test('a project’s stream shows what is there, then what changes', async () => {
  const states: string[] = []
  let id = ''
  for await (const { event, data } of api.operator.followProject({ params: { project } })) {
    if (id === '') {
      const body = { id: makeId('instance'), name: 'followed', image: 'sim/ok:1', flavor: 'cpu.1x2' }
      id = (await api.operator.createInstance({ params: { project }, body })).id
    }
    if (data.id !== id) continue
    assert.equal(event, 'instance')
    states.push(data.state)
    if (data.state === 'queued') await api.operator.stopInstance({ params: { instance: id } })
    if (data.state === 'stopped') await api.operator.deleteInstance({ params: { instance: id } })
    if (data.state === 'deleting') break
  }
  assert.deepEqual(states, ['queued', 'stopped', 'deleting'])
})

async function revoke({ client }: { client: Client }): Promise<void> {
  await client.deleteApiKey({ params: { apiKey: (await client.getMe()).apiKey?.id ?? '' } })
}

async function leave({ client }: { client: Client }): Promise<void> {
  const { person } = await client.getMe()
  await api.store.transact((tx) => sql`delete from member where person = ${person.id}`.execute(tx.db))
}

test('a stream ends with the right to it, and who comes back is told why', async () => {
  const run = await makeRun()
  await write(run, 1, 1)
  const body = { id: makeId('instance'), name: 'watched', image: 'sim/ok:1', flavor: 'cpu.1x2' }
  const { id: instance } = await api.operator.createInstance({ params: { project }, body })
  const streams: Record<string, (client: Client) => AsyncIterable<{ event: string; data: object }>> = {
    log: (client) => client.followRunLog({ params: { run } }),
    run: (client) => client.followRun({ params: { run } }),
    instance: (client) => client.followInstance({ params: { instance } }),
    project: (client) => client.followProject({ params: { project } }),
  }
  const losses = [
    ['unauthenticated', revoke],
    ['not_found', leave],
  ] as const
  let lines = 1
  for (const [code, lose] of losses)
    for (const [name, follow] of Object.entries(streams)) {
      const member = await api.person('member')
      const before = lines
      const reading = async (): Promise<void> => {
        for await (const { event, data } of follow(member.client)) {
          assert.ok(event !== 'line' || !('n' in data) || Number(data.n) <= before, `${name}: read on`)
          if (lines > before) continue
          lines += 1
          await lose(member)
          aheadMs += 10_000
          await write(run, lines, lines)
        }
      }
      await assert.rejects(reading(), { code }, `${name}: ${code}`)
    }
})
