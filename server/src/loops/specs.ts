import * as catalog from '../catalog/catalog.ts'
import * as compute from '../compute/compute.ts'
import * as jobs from '../jobs/jobs.ts'
import { asId, type NodeId, type VolumeId } from '../kernel/ids.ts'
import * as placement from '../placement/placement.ts'
import type { AllocationSpec, Mount, Probe } from '../runtime/driver.ts'
import * as storage from '../storage/storage.ts'
import type { Tx } from '../store/store.ts'
import { isInstance } from './subjects.ts'

/** Jupyter's port inside every image that keeps the contract. */
export const jupyterPort = 8888
/** The container's own sshd. */
export const sshPort = 2222

/** The person's home inside every image; the volume is mounted there. */
export const homePath = '/home/user'

/** Processes and threads at most: PyTorch with loaders needs hundreds, a fork bomb thousands. */
const pidsMax = 4096

/** A volume that has to be there before its allocation can be made. */
export interface NeededVolume {
  readonly id: VolumeId
  readonly sizeGib: number
  readonly node: NodeId
  readonly path: string | null
  readonly organization: string
}

/** What the reconciler needs for one preparation; null where the allocation is gone. */
export interface Preparation {
  readonly spec: Omit<AllocationSpec, 'mounts'>
  readonly home: NeededVolume | null
}

/** The mount of a home that the storage has made. */
export function homeMount(path: string): Mount {
  return { source: path, target: homePath, readOnly: false }
}

/** Reads everything that a node needs to know to run the allocation. */
export async function preparationOf(tx: Tx, row: placement.AllocationRow): Promise<Preparation | null> {
  const version = await catalog.versionById(tx, row.imageVersion)
  const own = isInstance(row.subject) ? await ofInstance(tx, row) : await ofRun(tx, row)
  if (!version || !own) return null
  const volume = own.home ? await storage.volume(tx, own.home) : null
  const { cpus, memoryGib, diskGib } = row
  const devices = await placement.devicesOf(tx, row.id)
  const given = devices.length > 0 ? [['devices', `${devices.join('\n')}\n`] as const] : []
  return {
    home: volume
      ? {
          id: volume.id,
          sizeGib: volume.sizeGib,
          node: row.node,
          path: volume.path,
          organization: volume.organization,
        }
      : null,
    spec: {
      id: row.id,
      subject: row.subject,
      node: row.node,
      devices,
      image: version.digest,
      limits: { cpus, memoryGib, diskGib, pids: pidsMax },
      group: null,
      ...own.spec,
      files: new Map([...own.spec.files, ...given]),
    },
  }
}

interface OwnPart {
  readonly home: VolumeId | null
  readonly spec: Pick<AllocationSpec, 'command' | 'environment' | 'files' | 'ports' | 'readiness' | 'purpose'>
}

async function ofInstance(tx: Tx, row: placement.AllocationRow): Promise<OwnPart | null> {
  const instance = await compute.instance(tx, asId('instance', row.subject))
  const door = await compute.door(tx, row.id)
  if (!instance || !door) return null
  const readiness: Probe[] = [
    {
      kind: 'http',
      port: jupyterPort,
      path: '/api/status',
      headers: new Map([['Authorization', `token ${door.jupyterToken}`]]),
    },
    { kind: 'tcp', port: sshPort, banner: 'SSH-2.0-' },
  ]
  const environment = new Map([
    ['GPUHOUR_INSTANCE', instance.id],
    ['GPUHOUR_INSTANCE_NAME', instance.name],
    ['GPUHOUR_PROJECT', instance.project],
    ['GPUHOUR_FLAVOR', row.flavor],
    ['GPUHOUR_CPUS', String(row.cpus)],
  ])
  return {
    home: instance.home,
    spec: {
      command: null,
      environment,
      files: new Map([
        ['jupyter_token', door.jupyterToken],
        ['authorized_keys', `${door.gatewayPublicKey}\n`],
        ['ssh_host_ed25519_key', instance.sshHostKey],
        ['environment', asLines(environment)],
      ]),
      ports: [jupyterPort, sshPort],
      readiness,
      purpose: 'instance',
    },
  }
}

async function ofRun(tx: Tx, row: placement.AllocationRow): Promise<OwnPart | null> {
  const run = await jobs.run(tx, asId('run', row.subject))
  if (!run) return null
  const environment = new Map([
    ['GPUHOUR_RUN', run.id],
    ['GPUHOUR_PROJECT', run.project],
    ['GPUHOUR_FLAVOR', row.flavor],
    ['GPUHOUR_CPUS', String(row.cpus)],
  ])
  // A person's own variables reach the command alone: in the container's environment they would reach init
  // before it.
  const asked = new Map([...Object.entries(run.environment), ...environment])
  return {
    home: run.volume,
    spec: {
      command: run.command,
      environment,
      files: new Map([['environment', asLines(asked)]]),
      ports: [],
      readiness: [{ kind: 'started' }],
      purpose: 'attempt',
    },
  }
}

const escapes: Readonly<Record<string, string>> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r' }

/**
 * One `NAME=value` a line. A line end in a value would let the rest of it pose as another variable: it is
 * written as an escape, which the image undoes.
 */
function asLines(environment: ReadonlyMap<string, string>): string {
  const escaped = (value: string): string => value.replaceAll(/[\\\n\r]/g, (one) => escapes[one] ?? one)
  return [...environment].map(([name, value]) => `${name}=${escaped(value)}\n`).join('')
}
