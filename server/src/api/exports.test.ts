import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { createAdaptorServer } from '@hono/node-server'
import type { Download } from '@gpuhour/sdk/client'
import { systemClock } from '../kernel/clock.ts'
import { testApi } from './testing.ts'

/** By how much time is ahead of the machine's. */
let aheadMs = 0
const waiting = new Set<() => void>()
const api = await testApi({
  ...systemClock,
  monotonic: () => systemClock.monotonic() + aheadMs,
  // Long waits end when the test says so.
  sleep: (ms, signal) =>
    ms < 60_000
      ? systemClock.sleep(ms, signal)
      : new Promise((resolve, reject) => {
          const end = (): void => resolve()
          waiting.add(end)
          signal.addEventListener('abort', () => {
            waiting.delete(end)
            reject(new Error('aborted'))
          })
        }),
})
const home = await mkdtemp(join(tmpdir(), 'gpuhour-exports-'))
const { organization, project } = api.demo
const params = { organization }

/** So many charges, booked over the last hours; far more than fit into any buffer on the way. */
const chargeCount = 120_000

async function furnish(): Promise<void> {
  const { pool } = api.store
  const book = (await pool.query<{ id: string }>('select id from price_book')).rows[0]?.id
  await pool.query(`update organization set name = '=cmd|''/c calc''!A1' where id = $1`, [organization])
  await pool.query(
    `insert into journal_head (resource, organization, seq, hash, recorded_at, due_since, accrues)
     values ('vol_many', $1, 1, repeat('a', 64), clock_timestamp() - interval '2 hours', null, false)`,
    [organization],
  )
  await pool.query(
    `insert into usage_event (resource, seq, type, at, recorded_at, data, prev_hash, hash)
     select resource, 1, 'created', recorded_at, recorded_at,
       jsonb_build_object('project', $1::text, 'sku', 'volume', 'sizeGib', 1, 'priceBook', $2::text),
       repeat('0', 64), hash from journal_head`,
    [project, book],
  )
  await pool.query(
    `insert into charge (id, organization, resource, sku, price_book, seq, up_to, unit_millis_before,
       unit_millis, nanos, amount, recorded_at)
     select 'chg_' || lpad(n::text, 26, '0'), $1, 'vol_many', 'volume', $2, n,
       date_trunc('second', clock_timestamp()) - interval '1 hour' + n * interval '1 millisecond',
       n * 1000, 1000, 97222, 27,
       clock_timestamp()
     from generate_series(1, $3::integer) n`,
    [organization, book, chargeCount],
  )
}

let server: Server
let url = ''
before(async () => {
  await furnish()
  const fetch: Parameters<typeof createAdaptorServer>[0]['fetch'] = (request, connection) =>
    api.app.fetch(request, connection)
  server = createAdaptorServer({ fetch, createServer }) as Server // what `createServer` makes
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  url = `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`
})
after(async () => {
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
  await api.close()
  await rm(home, { recursive: true })
})

async function textOf({ chunks }: Download): Promise<string> {
  const parts: Uint8Array[] = []
  for await (const chunk of chunks) parts.push(chunk)
  return Buffer.concat(parts).toString('utf8')
}

/** Over the wire, as a browser does it. */
function ask(path: string, signal?: AbortSignal): Promise<Response> {
  return fetch(`${url}/v1/organizations/${organization}/exports/${path}`, {
    headers: { authorization: `Bearer ${api.operatorSecret}` },
    ...(signal ? { signal } : {}),
  })
}

test('a long list arrives whole, in order, as CSV and as JSON Lines', async () => {
  const download = await api.operator.exportCharges({ params })
  assert.match(download.fileName, /^gpuhour-charges-\d{4}-\d\d-\d\d-to-\d{4}-\d\d-\d\d\.csv$/)
  assert.equal(download.mediaType, 'text/csv; charset=utf-8; header=present')
  const text = await textOf(download)
  const [header, ...lines] = text.split('\r\n')
  assert.match(header ?? '', /^id,resource,subject,name,/)
  assert.equal(lines.pop(), '')
  assert.equal(lines.length, chargeCount)
  assert.ok(lines.every((line, index) => line.startsWith(`chg_${String(index + 1).padStart(26, '0')},`)))
  const objects = (await textOf(await api.operator.exportCharges({ params, query: { format: 'jsonl' } })))
    .trimEnd()
    .split('\n')
    .map((line): Record<string, unknown> => JSON.parse(line))
  assert.equal(objects.length, chargeCount)
  const { name, amountNanos, amount, currency } = objects[0] ?? {}
  assert.deepEqual([name, amountNanos, amount, currency], ['vol_many', '27', '0.000000027', 'USD'])
})

test('compressed it is the same file, and is called so', async () => {
  const answer = await ask('ledger?compression=gzip')
  assert.equal(answer.headers.get('content-type'), 'application/gzip')
  assert.match(answer.headers.get('content-disposition') ?? '', /\.csv\.gz"$/)
  const text = gunzipSync(Buffer.from(await answer.arrayBuffer())).toString('utf8')
  const plain = await (await ask('ledger')).text()
  assert.equal(text, plain)
  assert.match(plain, /^id,kind,hold,/)
  assert.match(plain, /,grant,per_\w+,platform,promo_expense,org_\w+,customer,10000000000,10\.00,USD,/)
})

test('who goes away stops the reading; who takes nothing is not waited for for ever', async () => {
  const leaving = new AbortController()
  const answer = await ask('charges', leaving.signal)
  const reader = answer.body?.getReader()
  await reader?.read()
  const read = async (): Promise<number> => {
    const { rows } = await api.store.pool.query<{ read: bigint }>(
      `select coalesce(sum(seq_tup_read + idx_tup_fetch), 0)::bigint as read from pg_stat_user_tables
       where relname = 'charge'`,
    )
    return Number(rows[0]?.read)
  }
  leaving.abort()
  await reader?.cancel().catch(() => {})
  // Statistics are told with a delay; what counts is that they stand still far below the whole list.
  let last = -1
  for (let same = 0; same < 5;) {
    await systemClock.sleep(300, AbortSignal.timeout(60_000))
    const now = await read()
    same = now === last ? same + 1 : 0
    last = now
  }
  const slow = await ask('charges')
  const slowReader = slow.body?.getReader()
  await slowReader?.read()
  for (let tries = 0; waiting.size === 0 && tries < 100; tries += 1)
    await systemClock.sleep(50, AbortSignal.timeout(60_000))
  assert.ok(waiting.size > 0, 'the platform waits for the reader, and has not read ahead')
  for (const end of waiting) end()
  await assert.rejects(async () => {
    for (;;) if ((await slowReader?.read())?.done) return
  })
})

test('a list that breaks off never looks whole', async () => {
  const answer = await ask('charges')
  const reader = answer.body?.getReader()
  await reader?.read()
  // The reader's right ends in the midst: the next page is refused.
  aheadMs += 20_000
  await api.store.pool.query('alter table charge rename to charge_away')
  try {
    await assert.rejects(async () => {
      for (;;) if ((await reader?.read())?.done) return
    })
  } finally {
    await api.store.pool.query('alter table charge_away rename to charge')
  }
})

test('the right to read ends a list in the midst', async () => {
  const { secret, client } = await api.person('billing')
  const download = await client.exportCharges({ params })
  const chunks = download.chunks[Symbol.asyncIterator]()
  await chunks.next()
  await api.store.pool.query(
    `update api_key set revoked_at = clock_timestamp() where hash = encode(sha256($1::bytea), 'hex')`,
    [secret],
  )
  aheadMs += 20_000
  await assert.rejects(async () => {
    for (;;) if ((await chunks.next()).done) return
  })
})

interface Ran {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

function gpuhour(...args: string[]): Promise<Ran> {
  const entry = fileURLToPath(new URL('../../../cli/src/gpuhour.ts', import.meta.url))
  const env = { PATH: process.env['PATH'], HOME: home, GPUHOUR_URL: url, GPUHOUR_API_KEY: api.operatorSecret }
  const child = spawn(process.execPath, [entry, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  const parts: Buffer[] = []
  let err = ''
  child.stdout.on('data', (chunk: Buffer) => void parts.push(chunk))
  child.stderr.on('data', (chunk) => void (err += String(chunk)))
  return new Promise((resolve) =>
    child.once('close', (code) => resolve({ code, out: Buffer.concat(parts).toString('utf8'), err })),
  )
}

test('the command line writes it to a file or to standard output', async () => {
  const file = join(home, 'charges.csv')
  const ran = await gpuhour('export', 'charges', '-o', file)
  assert.deepEqual([ran.code, ran.out], [0, ''], ran.err)
  assert.equal((await readFile(file, 'utf8')).split('\r\n').length, chargeCount + 2)
  const events = await gpuhour('export', 'events', '--format', 'jsonl')
  assert.equal(events.code, 0, events.err)
  assert.deepEqual(
    events.out
      .trimEnd()
      .split('\n')
      .map((line): unknown => JSON.parse(line).type),
    ['created'],
  )
  const json = await gpuhour('export', 'ledger', '-o', file, '--json')
  assert.deepEqual(Object.keys(JSON.parse(json.out)), ['file', 'bytes'])
})

test('the command line refuses what it cannot do, and keeps no part of a file', async () => {
  const taken = join(home, 'kept.csv')
  await writeFile(taken, 'what was there')
  for (const [args, line] of [
    [['export', 'invoices'], /"invoices" is no list: it is one of usage, charges, events, ledger/],
    [['export', 'usage', '--format', 'xlsx'], /"xlsx" is no format/],
    [['export', 'usage', '--from', 'yesterday'], /no date/],
    [['export', 'usage', '-o', join(home, 'no', 'where.csv')], /There is no folder for/],
    [['export', 'usage', '--from', '2999-01-01', '-o', taken], /The period ends before it begins/],
  ] as const) {
    const { code, out, err } = await gpuhour(...args)
    assert.deepEqual([code, out], [2, ''], err)
    assert.match(err, line)
  }
  assert.equal(await readFile(taken, 'utf8'), 'what was there')
  assert.deepEqual(
    (await readdir(home)).filter((name) => name.endsWith('.part')),
    [],
  )
})
