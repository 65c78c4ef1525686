import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { systemClock } from '../kernel/clock.ts'
import { blockedFolder, serverUser, socketDirOf, socketName } from './cluster.ts'
import { isAlive, processesIn, processOf } from './processes.ts'
import { type Server, type ServerOptions, startServer, withClient } from './server.ts'

// Real servers, real signals.

const never = new AbortController().signal

describe('the embedded server', () => {
  let dir = ''
  let options: ServerOptions
  before(() => {
    dir = mkdtempSync(join(tmpdir(), 'gpuhour-server-'))
    chmodSync(dir, 0o711)
    options = { dir: join(dir, 'postgres'), logFile: join(dir, 'postgres.log'), durable: false }
  })
  after(() => rmSync(dir, { recursive: true, force: true }))

  const running = (): number => processesIn(join(dir, 'postgres/data')).length
  const rowsOf = async (server: Server): Promise<unknown> =>
    withClient(server.url, async (client) => (await client.query('select n from kept order by n')).rows)

  test('an initdb that was interrupted is done again', async () => {
    mkdirSync(join(options.dir, 'data.new'), { recursive: true })
    writeFileSync(join(options.dir, 'data.new/PG_VERSION'), '18\n')
    const server = await startServer(options)
    assert.equal(server.adopted, false)
    assert.equal(existsSync(join(options.dir, 'data.new')), false)
    await withClient(server.url, (client) =>
      client.query('create table kept (n integer); insert into kept values (1)'),
    )
    await server.stop()
    await server.died
    assert.equal(running(), 0)
  })

  test('it speaks UTF-8 and sorts by code point, listens on no port, and keeps the time in UTC', async () => {
    const server = await startServer(options)
    const settings = await withClient(server.url, async (client) => {
      const { rows } = await client.query<{
        name: string
        setting: string
      }>(`select name, setting from pg_settings
        where name in ('server_encoding', 'listen_addresses', 'TimeZone', 'max_connections')
        union all select 'collate', datcollate from pg_database where datname = current_database()`)
      return Object.fromEntries(rows.map(({ name, setting }) => [name, setting]))
    })
    assert.deepEqual(settings, {
      server_encoding: 'UTF8',
      listen_addresses: '',
      TimeZone: 'UTC',
      max_connections: '200',
      collate: 'C',
    })
    await server.stop()
  })

  test('a start finds the server of an earlier one and goes on with it', async () => {
    const first = await startServer(options)
    const second = await startServer(options)
    assert.deepEqual([second.adopted, second.pid, second.url], [true, first.pid, first.url])
    await second.stop()
    await first.died
    await second.died
    assert.equal(running(), 0)
  })

  test('after a kill of the postmaster a busy session does not hinder the next start', async () => {
    const first = await startServer(options)
    const busy = withClient(first.url, (client) =>
      client.query('select count(*) from generate_series(1, 1e12)'),
    )
    const broken = assert.rejects(busy)
    while (running() < 5) await systemClock.sleep(10, never)
    await withClient(first.url, (client) => client.query('insert into kept values (2)'))
    process.kill(first.pid, 'SIGKILL')
    await first.died
    const startedAt = performance.now()
    const second = await startServer(options)
    assert.ok(performance.now() - startedAt < 5_000)
    assert.equal(second.adopted, false)
    await broken
    assert.deepEqual(await rowsOf(second), [{ n: 1 }, { n: 2 }])
    await second.stop()
    assert.equal(running(), 0)
  })

  test(
    'a postmaster that does not answer is ended before a new one starts',
    { timeout: 60_000 },
    async () => {
      const first = await startServer(options)
      process.kill(first.pid, 'SIGSTOP')
      const second = await startServer(options)
      assert.equal(second.adopted, false)
      assert.notEqual(second.pid, first.pid)
      assert.deepEqual(await rowsOf(second), [{ n: 1 }, { n: 2 }])
      await second.stop()
    },
  )

  test("a pid file that names somebody else's process harms nobody", async () => {
    const bystander = processOf(process.pid)
    assert.ok(bystander)
    writeFileSync(join(options.dir, 'data/postmaster.pid'), `${process.pid}\n${options.dir}/data\n1\n`)
    const server = await startServer(options)
    assert.equal(server.adopted, false)
    assert.ok(isAlive(bystander))
    await server.stop()
  })

  test("nor does a socket's lock that names a living process of the same person", async () => {
    const bystander = spawn('sleep', ['60'], serverUser() ?? {})
    assert.ok(bystander.pid)
    const lock = join(socketDirOf(options.dir), `${socketName}.lock`)
    // What a power cut leaves: five lines, of which PostgreSQL asks only the first, the pid.
    writeFileSync(lock, `${bystander.pid}\n${options.dir}/data\n1\n5432\n\n`)
    const server = await startServer(options)
    assert.equal(Number(readFileSync(lock, 'utf8').split('\n')[0]), server.pid)
    assert.equal(bystander.exitCode, null)
    await server.stop()
    assert.deepEqual(readdirSync(socketDirOf(options.dir)), [])
    bystander.kill()
  })

  test('data of another major version is refused with a sentence', async () => {
    const file = join(options.dir, 'data/PG_VERSION')
    const version = readFileSync(file, 'utf8')
    writeFileSync(file, '17\n')
    await assert.rejects(startServer(options), /was made by PostgreSQL 17; this version brings 18/)
    writeFileSync(file, version)
  })

  test('a path that is too long for a socket moves the socket, not the data', async () => {
    const long = join(dir, 'x'.repeat(80), 'postgres')
    assert.ok(socketDirOf(long).length < 60)
    const server = await startServer({ ...options, dir: long })
    await withClient(server.url, (client) => client.query('select 1'))
    await server.stop()
    rmSync(socketDirOf(long), { recursive: true })
  })

  // The last one: its cluster is of no use afterwards.
  test('a start that fails after the launch leaves no server behind', async () => {
    const server = await startServer(options)
    const other = new URL(server.url)
    other.pathname = '/postgres'
    await withClient(other.href, async (client) => {
      await client.query('drop database gpuhour')
      await client.query('alter database template1 rename to elsewhere')
    })
    await server.stop()
    await assert.rejects(startServer(options), /template database "template1" does not exist/)
    assert.equal(running(), 0)
  })
})

test('a folder that the server may not enter is named', () => {
  const dir = mkdtempSync(join(tmpdir(), 'gpuhour-walk-'))
  const stranger = { uid: 4_000_000, gid: 4_000_000 }
  mkdirSync(join(dir, 'a/b'), { recursive: true })
  assert.equal(blockedFolder(join(dir, 'a/b'), stranger), dir)
  chmodSync(dir, 0o711)
  assert.equal(blockedFolder(join(dir, 'a/b'), stranger), null)
  rmSync(dir, { recursive: true })
})
