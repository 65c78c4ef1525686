import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { systemClock } from '../../kernel/clock.ts'
import type { AllocationId } from '../../kernel/ids.ts'
import type { AllocationSpec, LogCursor } from '../driver.ts'
import type { DockerRuntime } from './docker.ts'
import { containerName } from './profile.ts'
import { makeStage, type Stage } from './stage.ts'

const never = new AbortController().signal

/**
 * Reads as a log keeper does that is replaced again and again: until the container has ended and nothing is
 * new.
 */
async function readAll(stage: Stage, id: AllocationId, most = Infinity) {
  const texts = { stdout: '', stderr: '' }
  let cursor: LogCursor = 'start'
  let reads = 0
  for (let hasEnded = false; ;) {
    let count = 0
    for await (const line of stage.runtime().logs(id, cursor, never)) {
      texts[line.stream] += line.text
      ;({ cursor } = line)
      count += 1
      if (count >= most) break
    }
    reads += 1
    if (hasEnded && count === 0) return { ...texts, reads, cursor }
    hasEnded = !(await stage.docker.getContainer(containerName(id)).inspect()).State.Running
    if (count === 0) await systemClock.sleep(20, never)
  }
}

async function withRun(
  stage: Stage,
  script: string,
  tell: (driver: DockerRuntime, id: AllocationId) => Promise<void>,
  rest: Partial<AllocationSpec> = {},
): Promise<void> {
  const driver = stage.runtime()
  const spec = stage.spec(['sh', '-c', script], rest)
  try {
    await driver.ensure(spec, never)
    await tell(driver, spec.id)
  } finally {
    await driver.remove(spec.id, never)
  }
}

const print = (count: number, text: string) =>
  `awk 'BEGIN { for (i = 1; i <= ${count}; i++) print "${text}", i }'`

function numbersOf(text: string): number[] {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => Number(line.split(' ').at(-1)))
}

describe('logs of the Docker driver', { timeout: 300_000 }, () => {
  let stage: Stage
  before(async () => {
    stage = await makeStage()
  })
  after(async () => {
    await stage.close()
  })

  it('gives 200 000 fast lines, each once, to readers that are killed at any moment', async () => {
    const count = 200_000
    await withRun(
      stage,
      print(count, 'one of two hundred thousand fast lines of output, number'),
      async (_, id) => {
        const { stdout, stderr } = await readAll(stage, id, 30_011)
        assert.equal(stderr, '')
        const numbers = numbersOf(stdout)
        assert.equal(numbers.length, count)
        assert.equal(
          numbers.findIndex((number, index) => number !== index + 1),
          -1,
        )
      },
    )
  })

  it('goes on across a rotation of the files', async () => {
    const count = 120_000
    const padding = 'x'.repeat(60)
    // An instance's files are small: this fills two of them.
    await withRun(
      stage,
      print(count, padding),
      async (_, id) => {
        const numbers = numbersOf((await readAll(stage, id, 10_007)).stdout)
        assert.equal(numbers.length, count)
        assert.equal(
          numbers.findIndex((number, index) => number !== index + 1),
          -1,
        )
      },
      { purpose: 'instance' },
    )
  })

  it('goes on with what is left where its place was rotated away', async () => {
    const padding = 'x'.repeat(2000)
    await withRun(
      stage,
      `${print(10, 'first')}; sleep 1; ${print(12_000, padding)}`,
      async (driver, id) => {
        let cursor: LogCursor = 'start'
        while (cursor === 'start')
          for await (const line of driver.logs(id, 'start', never)) ({ cursor } = line)
        await stage.docker.getContainer(containerName(id)).wait()
        let text = ''
        for await (const line of driver.logs(id, cursor, never)) text += line.text
        const numbers = numbersOf(text)
        assert.equal(numbers.at(-1), 12_000)
        assert.ok(numbers.length < 12_000, 'the beginning is gone')
        assert.equal(
          numbers.findIndex((number, index) => number !== index + (numbers[0] ?? 0)),
          -1,
        )
      },
      { purpose: 'instance' },
    )
  })

  it('gives long lines in pieces, with whole characters, in both streams', async () => {
    // Three-byte characters behind one letter: no piece of 16 KiB ends where a character does.
    const long = `awk 'BEGIN { printf "a"; for (i = 0; i < 40000; i++) printf "€"; print "" }'`
    await withRun(
      stage,
      `(${long}; echo after) & (${long}; echo after) >&2; wait; printf 'no line end'`,
      async (_, id) => {
        const { stdout, stderr, reads } = await readAll(stage, id, 1)
        const expected = `a${'€'.repeat(40_000)}\nafter\n`
        // Not by \`equal\`: nobody wants to see the difference of two such lines.
        assert.ok(stderr === expected, `${stderr.length} characters: ${stderr.replaceAll('€', '')}`)
        assert.ok(
          stdout === `${expected}no line end`,
          `${stdout.length} characters: ${stdout.replaceAll('€', '')}`,
        )
        assert.ok(reads > 14, 'every piece was read by another reader')
      },
    )
  })

  it('replaces bytes that are no text, and keeps empty lines', async () => {
    await withRun(stage, `printf 'a\\377b\\n\\n\\303'; sleep 0.1; printf '\\251\\nend\\n'`, async (_, id) => {
      assert.equal((await readAll(stage, id)).stdout, 'a\ufffdb\n\né\nend\n')
    })
  })

  it('asks for no more than is new', async () => {
    await withRun(stage, `${print(300_000, 'a line of a long log')}; sleep 1000`, async (driver, id) => {
      let cursor: LogCursor = 'start'
      let last = ''
      const started = systemClock.monotonic()
      while (!last.endsWith(' 300000\n')) {
        for await (const line of driver.logs(id, cursor, never)) ({ cursor, text: last } = line)
      }
      const wholeMs = systemClock.monotonic() - started
      const before = systemClock.monotonic()
      const times = 20
      for (let time = 0; time < times; time += 1) {
        for await (const line of driver.logs(id, cursor, never)) assert.fail(line.text)
      }
      const againMs = (systemClock.monotonic() - before) / times
      assert.ok(againMs * 10 < wholeMs, `an idle read took ${againMs} ms, the whole log ${wholeMs} ms`)
    })
  })
})
