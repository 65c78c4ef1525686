import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { access, mkdir, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { promisify } from 'node:util'
import { systemClock } from '../../kernel/clock.ts'
import { type AllocationId, systemIds } from '../../kernel/ids.ts'
import type { AllocationFact, AllocationSpec } from '../driver.ts'
import type { DockerRuntime } from './docker.ts'
import { chainsOf } from './firewall.ts'
import { Janitor } from './janitor.ts'
import { containerName, labels } from './profile.ts'
import { doors, inside, leftOf, makeStage, socketPath, type Stage } from './stage.ts'

const never = new AbortController().signal
const run = promisify(execFile)

async function seen(stage: Stage, driver: DockerRuntime, id: AllocationId): Promise<AllocationFact | null> {
  const [observation] = await driver.observe([stage.node], never)
  assert.ok(observation?.answered)
  return observation.facts.find((fact) => fact.id === id) ?? null
}

async function withAllocation(
  stage: Stage,
  rest: Partial<AllocationSpec>,
  tell: (id: AllocationId, driver: DockerRuntime) => Promise<void>,
): Promise<void> {
  const driver = stage.runtime()
  const spec = stage.spec(['sleep', '1000000'], rest)
  try {
    await driver.ensure(spec, never)
    await tell(spec.id, driver)
  } finally {
    await driver.remove(spec.id, never)
  }
}

/** Metadata services of clouds, the engine's default bridge, and other machines of a private network. */
const privateHosts = ['169.254.169.254', '10.0.0.1', '192.168.1.1', '172.17.0.1', '100.100.100.200']

async function chains(): Promise<string> {
  return (await run('/usr/sbin/iptables', ['-w', '5', '-S'])).stdout
}

describe('what a container of the Docker driver may do', { timeout: 120_000 }, () => {
  let stage: Stage
  before(async () => {
    stage = await makeStage()
  })
  after(async () => {
    await stage.close()
  })

  it('runs as nobody special, with the engine’s own masks', async () => {
    await withAllocation(stage, {}, async (id) => {
      const { HostConfig, Config } = await stage.docker.getContainer(containerName(id)).inspect()
      // The client's type lacks the masks and the profile is long; what matters of them is compared below.
      const { MaskedPaths, ReadonlyPaths } = HostConfig as {
        MaskedPaths?: string[]
        ReadonlyPaths?: string[]
      }
      assert.ok(MaskedPaths?.includes('/proc/kcore') && ReadonlyPaths?.includes('/proc/sys'))
      assert.deepEqual([Config.User, Config.WorkingDir], ['1000:1000', '/home/user'])
      assert.deepEqual([HostConfig.CapDrop, HostConfig.CapAdd, HostConfig.Privileged], [['ALL'], null, false])
      assert.deepEqual([HostConfig.MemorySwap, HostConfig.ShmSize], [2 ** 29, 2 ** 28])
      const status = await inside(stage, id, [
        'grep',
        '-E',
        'Cap(Eff|Bnd)|NoNewPrivs|Seccomp:',
        '/proc/self/status',
      ])
      const words = status.trim().split(/\s+/)
      assert.deepEqual(words, [
        'CapEff:',
        '0'.repeat(16),
        'CapBnd:',
        '0'.repeat(16),
        'NoNewPrivs:',
        '1',
        'Seccomp:',
        '2',
      ])
    })
  })

  it('writes to its home, /tmp, /var/tmp and /dev/shm, and nowhere else', async () => {
    await withAllocation(stage, { files: new Map([['token', 't']]) }, async (id) => {
      for (const path of ['/home/user/x', '/tmp/x', '/var/tmp/x', '/dev/shm/x']) {
        assert.equal(await inside(stage, id, ['touch', path]), '', path)
      }
      for (const path of [
        '/x',
        '/etc/x',
        '/run/gpuhour/x',
        '/run/gpuhour/token',
        '/proc/sys/kernel/core_pattern',
      ]) {
        assert.match(await inside(stage, id, ['sh', '-c', `echo y > ${path}`]), /denied|Read-only/, path)
      }
      assert.match(await inside(stage, id, ['stat', '-c', '%a %u', '/run/gpuhour/token']), /^400 1000/)
    })
  })

  it('keeps what is written to a volume, and nothing of scratch', async () => {
    const volume = join(stage.folder, 'volume')
    await mkdir(volume, { mode: 0o777 })
    await run('chmod', ['777', volume])
    const mounts = [{ source: volume, target: '/home/user', readOnly: false }]
    await withAllocation(stage, { mounts }, async (id) => {
      await inside(stage, id, ['touch', '/home/user/kept', '/tmp/gone'])
    })
    await access(join(volume, 'kept'))
  })

  it('can be cleared up after without root', async () => {
    const folder = join(stage.folder, 'of-a-tenant')
    await mkdir(join(folder, 'closed'), { recursive: true, mode: 0o700 })
    await writeFile(join(folder, 'closed', 'file'), 'x')
    await run('chown', ['-R', '1000:1000', folder])
    const janitor = new Janitor(socketPath, stage.installation, systemClock, stage.image)
    await janitor.remove(folder, never)
    await assert.rejects(access(folder))
    await janitor.remove(folder, never)
    const filters = { label: [`${labels.platform}=${stage.installation}`] }
    assert.deepEqual(await stage.docker.listContainers({ all: true, filters }), [])
  })

  it('is ended for want of memory, and that is seen', async () => {
    const limits = { cpus: 1, memoryGib: 0.03, diskGib: 1, pids: 50 }
    const command = ['sh', '-c', 'dd if=/dev/zero of=/dev/null bs=200M count=1']
    await withAllocation(stage, { limits, command }, async (id, driver) => {
      await stage.docker.getContainer(containerName(id)).wait()
      const fact = await seen(stage, driver, id)
      assert.ok(fact?.seen === 'ended')
      assert.deepEqual([fact.outOfMemory, fact.signal], [true, null])
    })
  })

  it('clears up after a container that somebody removed, though nobody asks', async () => {
    const driver = stage.runtime()
    const spec = stage.spec(['sleep', '1000'])
    await driver.ensure(spec, never)
    await stage.docker.getContainer(containerName(spec.id)).remove({ force: true })
    for (let poll = 0; poll < 200 && (await leftOf(stage, spec.id)).length > 0; poll += 1) {
      assert.equal(await seen(stage, driver, spec.id), null)
      await systemClock.sleep(20, never)
    }
    assert.deepEqual(await leftOf(stage, spec.id), [])
    await driver.ensure(spec, never)
    assert.equal((await seen(stage, driver, spec.id))?.seen, 'ready', 'and could be made again')
    await driver.remove(spec.id, never)
  })

  it('says plainly that a command is not there by an ordinary end', async () => {
    await withAllocation(stage, { command: ['no-such-command'] }, async (id, driver) => {
      await stage.docker.getContainer(containerName(id)).wait()
      const fact = await seen(stage, driver, id)
      assert.ok(fact?.seen === 'ended')
      assert.equal(fact.exitCode, 127)
    })
  })

  it('refuses for good what the engine cannot start', async () => {
    const driver = stage.runtime()
    const mounts = [{ source: join(stage.folder, 'not-there'), target: '/data', readOnly: true }]
    const spec = stage.spec(['true'], { mounts })
    await assert.rejects(driver.ensure(spec, never), { code: 'spec_refused', retry: 'never' })
    await driver.remove(spec.id, never)
    const large = stage.spec(['true'], { limits: { cpus: 4096, memoryGib: 1, diskGib: 1, pids: 50 } })
    await assert.rejects(driver.ensure(large, never), { code: 'spec_refused', retry: 'elsewhere' })
    await driver.remove(large.id, never)
  })
})

describe('whom a container of the Docker driver reaches', { timeout: 120_000 }, () => {
  let stage: Stage
  let onHost: Server
  let hostPort = 0
  before(async () => {
    stage = await makeStage()
    onHost = createServer((socket) => socket.end('the host’s own service\n'))
    await new Promise<void>((resolve) => onHost.listen(0, '0.0.0.0', resolve))
    // A server that listens on a port has an address of this shape.
    hostPort = (onHost.address() as { port: number }).port
  })
  after(async () => {
    onHost.close()
    await stage.close()
  })

  const reach = async (id: AllocationId, host: string, port: number) =>
    await inside(stage, id, ['sh', '-c', `nc -w 1 ${host} ${port} </dev/null && echo reached`])

  it('answers the gateway, and resolves names', async () => {
    await withAllocation(stage, { ...doors, command: null }, async (id, driver) => {
      let fact = await seen(stage, driver, id)
      for (let poll = 0; poll < 100 && fact?.seen !== 'ready'; poll += 1) {
        await systemClock.sleep(20, never)
        fact = await seen(stage, driver, id)
      }
      assert.ok(fact?.seen === 'ready')
      const door = fact.doors.get(8888)
      assert.ok(door)
      assert.equal((await fetch(`http://${door.host}:${door.port}/api/status`)).status, 200)
      const resolved = await inside(stage, id, ['nslookup', 'deb.debian.org'])
      assert.match(resolved, /Address:\s+\d+\.\d+\.\d+\.\d+\s*$/m)
      assert.match(await reach(id, 'deb.debian.org', 80), /reached/, 'package mirrors are public')
    })
  })

  it('reaches neither the host nor anything private, nor another tenant, nor a mail server', async () => {
    await withAllocation(stage, { ...doors, command: null }, async (neighbour) => {
      await withAllocation(stage, {}, async (id) => {
        const networks = (await stage.docker.getContainer(containerName(id)).inspect()).NetworkSettings
          .Networks
        const gateway = Object.values(networks)[0]?.Gateway ?? assert.fail('it has a network')
        const own = Object.values(networkInterfaces()).flatMap((list) => list ?? [])
        const addresses = own.filter(({ family, internal }) => family === 'IPv4' && !internal)
        const other = await stage.docker.getContainer(containerName(neighbour)).inspect()
        const neighbourAddress = Object.values(other.NetworkSettings.Networks)[0]?.IPAddress ?? ''
        const closed: [string, number][] = [
          ...[gateway, ...addresses.map(({ address }) => address)].map((host): [string, number] => [
            host,
            hostPort,
          ]),
          ...privateHosts.map((host): [string, number] => [host, 80]),
          ...[25, 465, 587].map((port): [string, number] => ['deb.debian.org', port]),
          [neighbourAddress, 8888],
        ]
        const answers = await Promise.all(closed.map(([host, port]) => reach(id, host, port)))
        for (const [index, answer] of answers.entries()) {
          assert.doesNotMatch(answer, /reached|service/, closed[index]?.join(':'))
        }
      })
    })
  })

  it('has rules of its own, that another platform’s going does not touch, and that come back', async () => {
    await withAllocation(stage, {}, async () => {
      const [first, second] = [stage.installation, systemIds.make('platform')].map(chainsOf)
      assert.ok(first && second)
      const other = stage.runtime(undefined, second.forward)
      await writeFile(join(stage.folder, 'note'), '')
      await mkdir(join(stage.folder, second.forward), { recursive: true })
      await other.inventory(never)
      const otherChains = chainsOf(second.forward)
      assert.ok((await chains()).includes(otherChains.input))
      await other.removeRules()
      const left = await chains()
      assert.ok(!left.includes(otherChains.input) && left.includes(`-j ${first.input}`))
      await run('/usr/sbin/iptables', ['-w', '5', '-F', first.input])
      const fresh = stage.runtime()
      await mkdir(join(stage.folder, stage.installation), { recursive: true })
      const [fact] = await fresh.inventory(never)
      assert.ok(fact && !fact.missing.some((line) => line.includes('networks')))
      assert.ok((await chains()).includes(`-A ${first.input} -j DROP`))
    })
  })
})
