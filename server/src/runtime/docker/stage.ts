import assert from 'node:assert/strict'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import Docker from 'dockerode'
import { systemClock } from '../../kernel/clock.ts'
import { type AllocationId, systemIds } from '../../kernel/ids.ts'
import type { AllocationSpec, RegisteredNode } from '../driver.ts'
import { DockerRuntime } from './docker.ts'
import { containerName, labels } from './profile.ts'
import { makeTestImage } from './testimage.ts'

/** The engine of the machine that the tests run on. */
export const socketPath = '/var/run/docker.sock'

/** Everything that a test makes: its platforms, its folder, its image. */
export async function makeStage() {
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
    const made = new DockerRuntime({
      ...options,
      log: (message) => assert.ok(process.getuid?.() !== 0, message),
    })
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

/** What `makeStage` gives. */
export type Stage = Awaited<ReturnType<typeof makeStage>>

/** An instance with two doors, both of which the image opens by itself. */
export const doors: Partial<AllocationSpec> = {
  subject: 'ins_of_the_suite',
  purpose: 'instance',
  ports: [8888, 2222],
  readiness: [
    { kind: 'http', port: 8888, path: '/api/status', headers: new Map([['authorization', 'token x']]) },
    { kind: 'tcp', port: 2222, banner: 'SSH-2.0' },
  ],
}

/** Runs a command inside and returns what it printed. */
export async function inside(
  { docker }: Stage,
  id: AllocationId,
  command: readonly string[],
): Promise<string> {
  const container = docker.getContainer(containerName(id))
  const exec = await container.exec({ Cmd: [...command], AttachStdout: true, AttachStderr: true, Tty: true })
  return (await text(await exec.start({ Tty: true }))).replaceAll('\r\n', '\n')
}

/** Whatever the machine still has of an allocation. */
export async function leftOf({ docker, folder }: Stage, id: AllocationId): Promise<string[]> {
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
