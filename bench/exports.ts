import { createServer } from 'node:http'
import { createAdaptorServer } from '@hono/node-server'
import { testApi } from '../server/src/api/testing.ts'
import { note } from './results.ts'

/*
 * A million charges as files through the API, over HTTP, beside PostgreSQL's own COPY of the same rows: rows
 * a second, the ratio, and how much memory it took to send them.
 *
 *     node_modules/.bin/node --expose-gc bench/exports.ts [rows]
 */

const rowCount = Number(process.argv[2] ?? 1_000_000)
const resourceCount = 1_000
const hourCount = Math.ceil(rowCount / resourceCount)

const api = await testApi()
const { organization, project } = api.demo
const { pool } = api.store

/** Volumes that were kept for so many hours, and what each hour of each was charged, as the meter does it. */
async function furnish(): Promise<void> {
  const { rows } = await pool.query<{ id: string }>('select id from price_book')
  const book = rows[0]?.id
  await pool.query(
    `create table kept as select 'vol_' || lpad(n::text, 26, '0') as resource,
       date_trunc('hour', clock_timestamp()) - $2 * interval '1 hour' as from_at
     from generate_series(1, $1::integer) n`,
    [resourceCount, hourCount],
  )
  await pool.query(
    `insert into journal_head (resource, organization, seq, hash, recorded_at, due_since, accrues)
     select resource, $1, 2, repeat('b', 64), from_at + $2 * interval '1 hour', null, false from kept`,
    [organization, hourCount],
  )
  await pool.query(
    `insert into usage_event (resource, seq, type, at, recorded_at, data, prev_hash, hash)
     select resource, 1, 'created', from_at, from_at, jsonb_build_object('project', $1::text, 'sku', 'volume',
         'sizeGib', 1, 'priceBook', $2::text), repeat('0', 64), repeat('a', 64) from kept
     union all select resource, 2, 'deleted', from_at + $3 * interval '1 hour',
       from_at + $3 * interval '1 hour', '{}', repeat('a', 64), repeat('b', 64) from kept`,
    [project, book, hourCount],
  )
  await pool.query(
    `insert into charge (id, organization, resource, sku, price_book, seq, up_to, unit_millis_before,
       unit_millis, nanos, amount, recorded_at)
     select 'chg_' || substr(resource, 20) || lpad(n::text, 15, '0'), $1, resource, 'volume', $2, n,
       from_at + n * interval '1 hour', (n - 1) * 3600000::bigint, 3600000, rate.nanos, rate.nanos,
       clock_timestamp()
     from kept cross join generate_series(1, $3::integer) n
     join rate on rate.price_book = $2 and rate.sku = 'volume' order by n, resource`,
    [organization, book, hourCount],
  )
  await pool.query('drop table kept')
  await pool.query('analyze')
}

await furnish()
const server = createAdaptorServer({
  fetch: (request, connection) => api.app.fetch(request, connection),
  createServer,
})
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
const address = server.address()
const port = typeof address === 'object' && address ? address.port : 0

const from = new Date(Date.now() - (hourCount + 24) * 3_600_000).toISOString()
const url = `http://127.0.0.1:${port}/v1/organizations/${organization}/exports`

interface Seen {
  readonly rows: number
  readonly seconds: number
  /** How much more memory the process had while it sent and received, in MiB. */
  readonly mib: number
}

async function measure(path: string): Promise<Seen> {
  globalThis.gc?.()
  const before = process.memoryUsage().rss
  let most = before
  const began = performance.now()
  const answer = await fetch(`${url}/${path}&from=${from}`, {
    headers: { authorization: `Bearer ${api.operatorSecret}` },
  })
  let rows = 0
  for await (const chunk of answer.body ?? []) {
    for (const byte of chunk) if (byte === 10) rows += 1
    most = Math.max(most, process.memoryUsage().rss)
  }
  return { rows, seconds: (performance.now() - began) / 1000, mib: (most - before) / 2 ** 20 }
}

/** PostgreSQL's own way to write the same rows, to nowhere. */
async function bareSeconds(): Promise<number> {
  const began = performance.now()
  await pool.query(
    `copy (select charge.*, rate.unit, volume.name, project.name as project_name
       from charge join rate on rate.price_book = charge.price_book and rate.sku = charge.sku
       join usage_event first on first.resource = charge.resource and first.seq = 1
       left join project on project.id = first.data->>'project'
       left join volume on volume.id = charge.resource
       where charge.organization = '${organization}' order by charge.up_to, charge.id)
     to '/dev/null' (format csv)`,
  )
  return (performance.now() - began) / 1000
}

const paths = ['charges?format=csv', 'charges?format=jsonl', 'usage?format=csv', 'focus?version=1.2']
// The first one warms up the process: its heap grows to what it will stay at.
await measure('charges?format=csv')
const bare = await bareSeconds()
const seen: (readonly [string, Seen])[] = []
for (const path of paths) seen.push([path, await measure(path)])
const [[, csv] = ['', { rows: 0, seconds: bare, mib: 0 }]] = seen
const inThousands = (rows: number, seconds: number): string => (rows / seconds / 1000).toFixed(0)
note('exports', [
  `${rowCount} charges of ${resourceCount} volumes over HTTP, thrown away in the same process, beside COPY`,
  `of the same rows to nowhere; seconds / seconds = **${(csv.seconds / bare).toFixed(1)}**.`,
  '',
  '| what | rows | seconds | thousand rows a second | memory, MiB more |',
  '| --- | --- | --- | --- | --- |',
  ...seen.map(
    ([path, { rows, seconds, mib }]) =>
      `| ${path} | ${rows} | ${seconds.toFixed(1)} | ${inThousands(rows, seconds)} | ${mib.toFixed(0)} |`,
  ),
  `| COPY | ${rowCount} | ${bare.toFixed(1)} | ${inThousands(rowCount, bare)} | |`,
])

if ('closeAllConnections' in server) server.closeAllConnections()
await new Promise((resolve) => server.close(resolve))
await api.close()
