import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { connect, createServer, type Server } from 'node:net'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { z } from 'zod'
import { root } from '../../tools/sources.ts'
import { containersOf } from '../journeys/engine.ts'
import { JourneyPlatform } from '../journeys/platform.ts'
import { begin, instanceSchema, Person } from '../journeys/shell.ts'

// A tenant at the shell of an instance, as `gpuhour launch` and `gpuhour ssh` give it: what must be denied is
// denied, what must work works. The attempts themselves are in attempts.py.

const outcomeSchema = z.object({
  kind: z.enum(['attempt', 'work']),
  name: z.string(),
  worked: z.boolean(),
  detail: z.string(),
})
type Outcome = z.output<typeof outcomeSchema>

/** Where clouds keep their keys, and what a machine's neighbours are likely to be. */
const privateHosts = ['169.254.169.254', '10.0.0.1', '172.17.0.1', '192.168.1.1', '100.100.100.200']

/** A name for the outcome, and where to knock. */
type Target = readonly [name: string, host: string, port: number]

describe('a tenant at the shell of an instance', () => {
  let platform: JourneyPlatform
  let onHost: Server
  let outcomes: readonly Outcome[] = []

  const launch = async (person: Person, name: string): Promise<string> => {
    const shape = ['--image', 'base:1', '--flavor', 'cpu.1x2', '--volume-gib', '1', '--yes']
    await person.ask('launch', name, ...shape)
    return (await person.json(instanceSchema, 'show', name)).id
  }

  /** What listens on this machine, at each of its addresses, and what there is around it. */
  const targetsOf = async (neighbour: string): Promise<readonly Target[]> => {
    const { installation } = await platform.record()
    const [container] = await containersOf(installation, neighbour)
    const [beside] = container?.addresses ?? assert.fail('the neighbour has no container')
    assert.ok(beside, 'the neighbour has no address')
    const listening = onHost.address()
    assert.ok(listening !== null && typeof listening === 'object')
    const ports: readonly (readonly [string, number])[] = [
      ['a service', listening.port],
      ...(['GPUHOUR_PORT', 'GPUHOUR_APPS_PORT', 'GPUHOUR_SSH_PORT'] as const).map(
        (name) => [name, Number(platform.environment[name])] as const,
      ),
      ['the engine', 2375],
    ]
    const own = Object.values(networkInterfaces()).flatMap((list) => list ?? [])
    const addresses = own.filter(({ family, internal }) => family === 'IPv4' && !internal)
    return [
      ...['gateway', ...new Set(addresses.map(({ address }) => address))].flatMap((host) =>
        ports.map(([what, port]): Target => [`${what} of the machine at ${host}`, host, port]),
      ),
      ...privateHosts.map((host): Target => [`the private address ${host}`, host, 80]),
      ...[25, 465, 587].map((port): Target => [`a mail server by port ${port}`, 'deb.debian.org', port]),
      ['the JupyterLab of another instance', beside, 8888],
      ['the sshd of another instance', beside, 2222],
    ]
  }

  before(async () => {
    onHost = createServer((socket) => socket.end())
    await new Promise<void>((resolve) => onHost.listen(0, '0.0.0.0', resolve))
    platform = await JourneyPlatform.open()
    const person = new Person(platform)
    await person.login()
    await platform.untilOffered(person, 'base:1')
    const neighbour = await launch(person, 'neighbour')
    await launch(person, 'inside')
    const asked = JSON.stringify({ targets: await targetsOf(neighbour) })
    const program = readFileSync(new URL('attempts.py', import.meta.url), 'utf8')
    const words = ['ssh', 'inside', `python3 - '${asked}'`]
    const running = begin(join(root, 'gpuhour'), words, { env: person.env, input: program })
    const { code, stdout } = await running.ended
    assert.equal(code, 0, running.seen())
    outcomes = stdout
      .trim()
      .split('\n')
      .map((line) => outcomeSchema.parse(JSON.parse(line)))
  })
  after(async () => {
    onHost.close()
    await platform?.close()
  })

  const kindOf = (kind: Outcome['kind']): readonly Outcome[] => outcomes.filter((one) => one.kind === kind)

  test('what must be denied is denied', (context) => {
    const attempts = kindOf('attempt')
    context.diagnostic(`${attempts.length} attempts`)
    assert.ok(attempts.length > 60, `only ${attempts.length} attempts were made`)
    assert.deepEqual(
      attempts.filter(({ worked }) => worked),
      [],
    )
  })

  test('what must work works', () => {
    const works = kindOf('work')
    assert.ok(works.length >= 15, `only ${works.length} things were tried`)
    assert.deepEqual(
      works.filter(({ worked }) => !worked),
      [],
    )
  })

  test('the listener that nobody reached was there', async () => {
    const address = onHost.address()
    assert.ok(address !== null && typeof address === 'object')
    await new Promise<void>((resolve, reject) => {
      const socket = connect(address.port, '127.0.0.1', () => resolve(void socket.destroy()))
      socket.once('error', reject)
    })
  })
})
