import {
  type AllocationId,
  asId,
  type Id,
  type InstanceId,
  newSecret,
  type OrganizationId,
  type PersonId,
  sha256Hex,
} from '../kernel/ids.ts'
import { makeSshKey, type SshKeyPair } from '../kernel/sshkeys.ts'
import { hourMs, type Instant, instant, secondMs } from '../kernel/time.ts'
import type { Tx } from '../store/store.ts'
import { may, type Principal } from '../tenancy/rules.ts'
import * as rows from './doors.rows.ts'

/** Time enough to follow a redirect, too little to find the address in a history and use it. */
const codeMs = 30 * secondMs

/** A working day: the next morning begins with a click in the console. */
const sessionMs = 12 * hourMs

/** What a door opens, and for whom. */
export interface Pass {
  readonly person: PersonId
  readonly instance: InstanceId
  readonly port: number
}

/** A pass that a browser holds as a cookie; `hash` is all that is kept of its secret. */
export interface DoorSession extends Pass {
  readonly hash: string
  readonly expiresAt: Instant
}

/** The payload of a `routes` notification that is about sessions only. */
export const sessionsChanged = 'sessions'

/**
 * Makes the code with which the person's browser enters the app: once, within 30 seconds, on the host of this
 * instance and port. Called by the api, which has asked `may`; the gateway asks again.
 */
export async function mintDoorCode(tx: Tx, pass: Pass): Promise<{ code: string; expiresAt: Instant }> {
  const now = await tx.now()
  const code = newSecret('gpd_')
  const expiresAt = instant(now + codeMs)
  await rows.deleteCodesBefore(tx, now)
  await rows.insertCode(tx, { ...pass, hash: sha256Hex(code), expires_at: expiresAt })
  return { code, expiresAt }
}

/**
 * Uses the code up and opens a session of twelve hours; null where the code is unknown, used, too old, or for
 * another instance or port (it is then used up all the same). `secret` is the cookie's value.
 */
export async function redeemDoorCode(
  tx: Tx,
  code: string,
  host: { readonly instance: InstanceId; readonly port: number },
): Promise<{ secret: string; session: DoorSession } | null> {
  const taken = await rows.takeCode(tx, sha256Hex(code))
  const now = await tx.now()
  if (!taken || taken.expires_at <= now) return null
  if (taken.instance !== host.instance || taken.port !== host.port) return null
  const secret = newSecret('gps_')
  const session: DoorSession = {
    hash: sha256Hex(secret),
    person: asId('person', taken.person),
    instance: host.instance,
    port: host.port,
    expiresAt: instant(now + sessionMs),
  }
  await rows.deleteSessionsBefore(tx, now)
  await rows.insertSession(tx, { ...session, expires_at: session.expiresAt }, now)
  await tx.notify('routes', sessionsChanged)
  return { secret, session }
}

/** Ends a person's sessions at the HTTP door, of one instance or of all; the gateway cuts what is open. */
export async function revokeDoorSessions(
  tx: Tx,
  person: PersonId,
  instance: InstanceId | null,
): Promise<void> {
  await rows.revokeSessions(tx, person, instance, await tx.now())
  await tx.notify('routes', sessionsChanged)
}

/**
 * OpenSSH public keys by which the SSH door is known, for known_hosts; empty until a gateway has started
 * once.
 */
export async function gatewayHostKeys(tx: Tx): Promise<readonly string[]> {
  const pair = await rows.gatewayKey(tx)
  return pair ? [pair.public_key] : []
}

/** The gateway's own key; made at the first call, once for ever. */
export async function gatewayHostKey(tx: Tx): Promise<SshKeyPair> {
  if ((await rows.gatewayKey(tx)) === null)
    await rows.insertGatewayKey(tx, makeSshKey('gpuhour'), await tx.now())
  const kept = await rows.gatewayKey(tx)
  if (!kept) throw new TypeError('the gateway key was kept a moment ago')
  return { privateKey: kept.private_key, publicKey: kept.public_key }
}

/** An instance as its doors know it. */
export interface DoorInstance {
  readonly id: InstanceId
  readonly name: string
  readonly organization: OrganizationId
  readonly state: string
  /** Why it failed or was stopped, for the person. */
  readonly reason: string | null
  readonly allocation: AllocationId | null
  /** `ssh-ed25519 AAAA…`: what the container's own sshd must prove. */
  readonly sshHostPublicKey: string
  readonly jupyterToken: string | null
  /** The private key that the container's sshd trusts for this allocation. */
  readonly gatewayKey: string | null
  /** Where each open port is dialled. */
  readonly ports: ReadonlyMap<number, { readonly host: string; readonly port: number }>
}

/** Whose SSH key it is. */
export interface KeyHolder {
  readonly id: Id<'sshKey'>
  readonly person: PersonId
  readonly fingerprint: string
}

/** Everything that the gateway keeps in memory. */
export interface DoorTable {
  readonly instances: readonly DoorInstance[]
  readonly sessions: readonly DoorSession[]
  /** By fingerprint (`SHA256:…`). */
  readonly keys: ReadonlyMap<string, KeyHolder>
  /** Person → organizations whose instances they may connect to. */
  readonly connects: ReadonlyMap<PersonId, ReadonlySet<OrganizationId>>
}

/** Reads all of it; `tx` should be a snapshot. */
export async function readDoors(tx: Tx): Promise<DoorTable> {
  const keys = new Map(
    (await rows.sshKeys(tx)).map(({ fingerprint, id, person }) => [
      fingerprint,
      { id: asId('sshKey', id), person: asId('person', person), fingerprint },
    ]),
  )
  const connects = new Map<PersonId, Set<OrganizationId>>()
  for (const row of await rows.members(tx)) {
    const person = asId('person', row.person)
    const organization = asId('organization', row.organization)
    const principal: Principal = {
      person,
      name: '',
      email: '',
      isOperator: false,
      memberships: [{ organization, role: row.role }],
      method: 'ssh_key',
      key: null,
    }
    if (may(principal, 'connect', { kind: 'organization', organization }) !== 'yes') continue
    connects.set(person, (connects.get(person) ?? new Set()).add(organization))
  }
  return { instances: await read(tx, null), sessions: await readDoorSessions(tx), keys, connects }
}

/** Reads one instance anew; null where it is deleted or unknown. */
export async function readDoor(tx: Tx, instance: InstanceId): Promise<DoorInstance | null> {
  return (await read(tx, instance))[0] ?? null
}

/** Reads the sessions that may be used now. */
export async function readDoorSessions(tx: Tx): Promise<readonly DoorSession[]> {
  const live = await rows.liveSessions(tx, await tx.now())
  return live.map((row) => ({
    hash: row.hash,
    person: asId('person', row.person),
    instance: asId('instance', row.instance),
    port: row.port,
    expiresAt: row.expires_at,
  }))
}

/** A route of an allocation that is gone leads nowhere: it is left out. */
async function read(tx: Tx, only: InstanceId | null): Promise<readonly DoorInstance[]> {
  const portsOf = new Map<string, Map<number, { host: string; port: number }>>()
  for (const route of await rows.routes(tx, only)) {
    const ports = portsOf.get(route.allocation) ?? new Map<number, { host: string; port: number }>()
    portsOf.set(route.allocation, ports.set(route.port, { host: route.host, port: route.target_port }))
  }
  return (await rows.instances(tx, only)).map((row) => ({
    id: asId('instance', row.id),
    name: row.name,
    organization: asId('organization', row.organization),
    state: row.state,
    reason: row.reason,
    allocation: row.allocation === null ? null : asId('allocation', row.allocation),
    sshHostPublicKey: row.ssh_host_public_key,
    jupyterToken: row.jupyter_token,
    gatewayKey: row.gateway_key,
    ports: portsOf.get(row.allocation ?? '') ?? new Map(),
  }))
}
