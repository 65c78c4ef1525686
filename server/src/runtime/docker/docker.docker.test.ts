import assert from 'node:assert/strict'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import Docker from 'dockerode'
import { systemClock } from '../../kernel/clock.ts'
import { type AllocationId, systemIds } from '../../kernel/ids.ts'
import { type Behaviour, conformance, type Harness } from '../conformance.ts'
import type { AllocationSpec, RegisteredNode } from '../driver.ts'
import { DockerRuntime } from './docker.ts'
import { containerName, labels } from './profile.ts'
import { makeTestImage } from './testimage.ts'

const socketPath = '/var/run/docker.sock'
const never = new AbortController().signal
const gib = 1024 ** 3

function commandOf(behaviour: Behaviour): readonly string[] {
  switch (behaviour.does) {
    case 'run':
      return ['sleep', '1000000']
    case 'ignore TERM':
      return ['sh', '-c', 'trap "" TERM; while true; do sleep 1; done']
    case 'exit':
      return ['sh', '-c', `exit ${behaviour.exitCode}`]
    case 'print':
      return ['sh', '-c', `for i in $(seq ${behaviour.lines}); do echo line $i; done; sleep 1000000`]
  }
}

/** An engine's client that loses its voice just before a container is started. */
function clientThatDies(): Docker {
  const client = new Docker({ socketPath })
  const { modem } = client
  const dial = modem.dial.bind(modem)
  modem.dial = (options, callback) => {
    if (options.path.includes('/start')) callback?.(new Error('killed before the start'))
    else dial(options, callback ?? (() => undefined))
  }
  return client
}

/** Everything that a test makes: its platforms, its folder, its image. */
async function makeStage() {
  const docker = new Docker({ socketPath })
  const image = await makeTestImage(docker)
  const folder = await mkdtemp(join(tmpdir(), 'gpuhour-docker-'))
  const { ID: engineId }: { ID: string } = await docker.info()
  const node: RegisteredNode = { id: systemIds.make('node'), name: 'here', engineId }
  const installation = systemIds.make('platform')
  const runtimes: DockerRuntime[] = []
  const runtime = (engine: string | Docker = socketPath, platform: string = installation) => {
    const dataDirectory = join(folder, platform)
    const options = { engine, installation: platform, dataDirectory, clock: systemClock, nodeName: 'here' }
    const made = new DockerRuntime({ ...options, log: (message) => assert.fail(message) })
    runtimes.push(made)
    return made
  }
  const spec = (command: readonly string[] | null, rest: Partial<AllocationSpec> = {}): AllocationSpec => ({
    ...{
      id: systemIds.make('allocation'),
      subject: systemIds.make('run'),
      node: node.id,
      devices: [],
      image,
      command,
    },
    ...{ environment: new Map([['GREETING', 'hello']]), files: new Map(), mounts: [], ports: [] },
    limits: { cpus: 1, memoryGib: 0.5, diskGib: 1, pids: 200 },
    ...{ readiness: [{ kind: 'started' }], group: null, purpose: 'attempt' },
    ...rest,
  })
  const close = async () => {
    for (const made of runtimes) {
      made.close()
      await made.removeRules()
    }
    await docker.getImage(image).remove({ force: true })
    await rm(folder, { recursive: true, force: true })
  }
  return { docker, image, folder, node, installation, runtime, spec, close }
}

type Stage = Awaited<ReturnType<typeof makeStage>>

const doors: Partial<AllocationSpec> = {
  subject: 'ins_of_the_suite',
  purpose: 'instance',
  ports: [8888, 2222],
  readiness: [
    { kind: 'http', port: 8888, path: '/api/status', headers: new Map([['authorization', 'token x']]) },
    { kind: 'tcp', port: 2222, banner: 'SSH-2.0' },
  ],
}

/** Runs a command inside and returns what it printed. */
async function inside({ docker }: Stage, id: AllocationId, command: readonly string[]): Promise<string> {
  const container = docker.getContainer(containerName(id))
  const exec = await container.exec({ Cmd: [...command], AttachStdout: true, AttachStderr: true, Tty: true })
  return (await text(await exec.start({ Tty: true }))).replaceAll('\r\n', '\n')
}

async function leftOf({ docker, folder }: Stage, id: AllocationId): Promise<string[]> {
  const filters = { label: [`${labels.allocation}=${id}`] }
  const containers = await docker.listContainers({ all: true, filters })
  const networks = await docker.listNetworks({ filters })
  const folders = await readdir(folder, { recursive: true })
  return [
    ...containers.map(({ Id }) => `container ${Id}`),
    ...networks.map(({ Id }) => `network ${Id}`),
    ...folders.filter((path) => path.endsWith(id)),
  ]
}

async function makeHarness(): Promise<Harness> {
  const stage = await makeStage()
  const { docker, node, runtime } = stage
  const silence = createServer()
  const silentSocket = join(stage.folder, 'silent.sock')
  await new Promise<void>((resolve) => silence.listen(silentSocket, resolve))
  const other = systemIds.make('platform')
  const container = (id: AllocationId) => docker.getContainer(containerName(id))
  return {
    ...{ driver: runtime(), node, absentImage: `sha256:${'0'.repeat(64)}` },
    restarted: () => runtime(),
    otherPlatform: () => runtime(socketPath, other),
    dying: () => runtime(clientThatDies()),
    silenced: () => runtime(silentSocket),
    spec: (behaviour, purpose, rest) =>
      purpose === 'attempt'
        ? stage.spec(commandOf(behaviour), rest)
        : stage.spec(behaviour.does === 'run' ? null : commandOf(behaviour), { ...doors, ...rest }),
    behindOurBack: {
      remove: async (id) => container(id).remove({ force: true }),
      pause: async (id) => container(id).pause(),
      resume: async (id) => container(id).unpause(),
      kill: async (id) => container(id).kill({ signal: 'SIGKILL' }),
      restart: async (id) => container(id).restart({ t: 0 }),
    },
    fileInside: (id, name) => inside(stage, id, ['cat', `/run/gpuhour/${name}`]),
    environmentOf: async (id) =>
      JSON.stringify((await container(id).inspect()).Config.Env) + (await inside(stage, id, ['env'])),
    async limitsOf(id) {
      const { HostConfig } = await container(id).inspect()
      const { NanoCpus = 0, Memory = 0, PidsLimit = 0 } = HostConfig
      return { cpus: NanoCpus / 1e9, memoryGib: Memory / gib, pids: PidsLimit }
    },
    left: (id) => leftOf(stage, id),
    pass: (ms) => systemClock.sleep(ms, never),
    async close() {
      silence.close()
      await stage.close()
    },
  }
}

conformance('Docker', makeHarness)
