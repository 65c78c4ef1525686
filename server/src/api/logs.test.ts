import assert from 'node:assert/strict'
import { appendFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { asId } from '../kernel/ids.ts'
import { openLog } from './logs.ts'

const dataDir = await mkdtemp(join(tmpdir(), 'gpuhour-logs-'))
await mkdir(join(dataDir, 'logs'))
after(() => rm(dataDir, { recursive: true }))

function lineText(n: number): string {
  const text = `${'é'.repeat((n * 37) % 200)}\n`
  return `${JSON.stringify({ n, stream: n % 2 ? 'stdout' : 'stderr', text })}\n`
}

async function numbersFrom(run: string, from: number): Promise<number[]> {
  const log = openLog(dataDir, asId('run', run), from)
  const seen: number[] = []
  for (let lines = await log.read(); lines.length > 0; lines = await log.read())
    seen.push(...lines.map(({ n }) => n))
  await log.close()
  return seen
}

test('a reader that comes back after any line gets the rest, each once', async () => {
  const count = 300
  const all = Array.from({ length: count }, (_, index) => index + 1)
  await writeFile(join(dataDir, 'logs', 'run_a.jsonl'), `${all.map(lineText).join('')}{"n":301,"str`)
  for (let from = 0; from <= count; from += 1)
    assert.deepEqual(await numbersFrom('run_a', from), all.slice(from))
})

test('a log that is not there yet, then grows, and whose torn line is written again', async () => {
  const path = join(dataDir, 'logs', 'run_b.jsonl')
  const log = openLog(dataDir, asId('run', 'run_b'), 0)
  assert.deepEqual(await log.read(), [])
  await writeFile(path, lineText(1) + lineText(2).slice(0, 20))
  assert.deepEqual(
    (await log.read()).map(({ n }) => n),
    [1],
  )
  assert.deepEqual(await log.read(), [])
  await writeFile(path, lineText(1) + lineText(2))
  await appendFile(path, lineText(3))
  assert.deepEqual(
    (await log.read()).map(({ n }) => n),
    [2, 3],
  )
  await log.close()
})
