import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { chance } from './chance.ts'
import { JourneyPlatform } from './platform.ts'
import { Person, readClosing } from './shell.ts'
import { until } from './until.ts'

const lineCount = 200_000
/** Wide enough that the engine's own log files are rotated while they are read. */
const width = 120
const kills = 3

describe('output faster than anybody reads it', () => {
  let platform: JourneyPlatform
  let person: Person

  before(async () => {
    platform = await JourneyPlatform.open()
    person = new Person(platform)
    await person.login()
    await platform.untilOffered(person, 'base:1')
  })
  after(async () => platform?.close())

  test(`${lineCount} lines arrive once and in order, through kill -9 of the controller`, async (context) => {
    const { seed, between } = chance()
    context.diagnostic(`GPUHOUR_TEST_SEED=${seed}`)
    const running = person.begin(
      ...['run', '--image', 'base:1', '--flavor', 'cpu.1x2', '--json', '--name', 'fast', '--'],
      ...['seq', '-f', `%0${width - 1}.0f`, '1', String(lineCount)],
    )
    let bytes = 0
    running.child.stdout?.on('data', (part: Buffer) => (bytes += part.length))
    const begun = performance.now()
    const seen = (): string => platform.output() + running.stderr()
    for (let kill = 1; kill <= kills; kill += 1) {
      // The first one before the first line; then further and further into the output.
      const from = Math.floor(between(((kill - 1) * 0.6) / kills, (kill * 0.6) / kills) * lineCount * width)
      const isThere = (): boolean => bytes >= (kill === 1 ? 1 : from) || running.child.exitCode !== null
      await until(`${from} bytes of output`, isThere, { seen })
      await platform.kill('controller')
      context.diagnostic(`killed after ${Math.floor(bytes / width)} lines`)
    }
    const { code, stdout } = await running.ended
    assert.equal(code, 0, seen())
    const { lines } = readClosing(stdout)
    const elapsedMs = performance.now() - begun
    context.diagnostic(`${lines.length} lines after ${Math.round(elapsedMs)} ms`)
    const wrong = lines.findIndex((line, index) => Number(line) !== index + 1 || line.length !== width - 1)
    assert.equal(wrong, -1, `line ${wrong + 1} is ${lines[wrong]}`)
    assert.equal(lines.length, lineCount)
    const stored = await person.ask('logs', 'fast')
    assert.equal(stored, stdout.slice(0, stdout.lastIndexOf('\n', stdout.length - 2) + 1))
  })
})
