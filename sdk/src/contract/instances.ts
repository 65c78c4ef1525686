import { z } from 'zod'
import { buildProgress } from './images.ts'
import {
  count,
  currency,
  flavorName,
  hours,
  id,
  imageReference,
  instant,
  name,
  nanos,
  newId,
  pageQuery,
  permission,
  sizeGib,
  wanted,
} from './values.ts'

export const instanceStates = [
  'queued',
  'preparing',
  'running',
  'unreachable',
  'stopping',
  'stopped',
  'failed',
  'deleting',
  'deleted',
] as const
export type InstanceState = (typeof instanceStates)[number]

export const newInstance = z.strictObject({
  id: newId('instance'),
  name,
  image: imageReference,
  flavor: flavorName,
  volumeGib: sizeGib.default(20).describe('Size of the home volume that is made with it; default 20.'),
})

/** Why something waits, and how far that is. Free of charge while it waits. */
export const waiting = z.strictObject({
  reason: z
    .enum(['capacity', 'no_node', 'image_building', 'backing_off', 'volume_in_use', 'starting'])
    .describe('no_node: no machine that takes anything now could carry it, however empty.'),
  position: z.int().nullable().describe('1 is next.'),
  notBefore: instant.nullable(),
  build: buildProgress.nullable(),
})
export type Waiting = z.infer<typeof waiting>

/** How something ended, or why it could not start. */
export const ending = z.strictObject({
  reason: z.string().nullable().describe('For the person, in English.'),
  exitCode: z.int().nullable(),
  signal: z.string().nullable(),
  outOfMemory: z.boolean(),
})

/** One incarnation on one node, with the instants of its ladder. */
export const allocation = z.strictObject({
  id,
  node: z.string().describe('The name of the machine.'),
  flavor: z.string(),
  priceBook: z.string(),
  nanosPerHour: nanos.describe('Fixed for this allocation.'),
  isLive: z.boolean(),
  stage: z.enum(['pulling', 'creating', 'starting']).nullable(),
  bytesDone: z.int().nullable(),
  bytesTotal: z.int().nullable(),
  allocatedAt: instant.describe('Devices given and money held; free.'),
  startedAt: instant.nullable().describe('The container was first seen started; still free.'),
  readyAt: instant.nullable().describe('The door answered: paid from here.'),
  lastSeenAt: instant.nullable(),
  closedAt: instant.nullable().describe('The bill of this allocation was closed for good.'),
  releasedAt: instant.nullable(),
})
export type Allocation = z.infer<typeof allocation>

/** What it has cost and costs, recomputed at `asOf`; grows by `nanosPerHour` while a spell is open. */
export const cost = z.strictObject({
  currency,
  asOf: instant,
  isPaying: z.boolean().describe('A spell is open: the amount grows.'),
  nanosPerHour: nanos.describe(
    'What an hour of running costs now; of a live allocation, its own fixed rate.',
  ),
  storageNanosPerHour: nanos.describe('What its home volume costs, whatever the state.'),
  amountNanos: nanos.describe('Of all allocations so far.'),
  allocationNanos: nanos.describe('Of the current or last allocation.'),
  paidMillis: count.describe('Of all allocations so far.'),
  gpuHours: hours,
  cpuHours: hours.describe('vCPUs × paid hours.'),
  leaseUntil: instant
    .nullable()
    .describe('The second to which money is held; extended by itself while there is some.'),
})
export type Cost = z.infer<typeof cost>

/** A way in. */
export const door = z.strictObject({
  port: z.int(),
  name: z.string().describe('jupyter, tensorboard, ssh …'),
  url: z.string().describe('The app on its own host name; a browser gets in by `openDoor`.'),
  isOpen: z.boolean(),
})

/** The SSH way in. */
export const sshDoor = z.strictObject({ host: z.string(), port: z.int(), user: z.string() })

export const instanceActions = z.strictObject({
  start: permission,
  stop: permission,
  restart: permission,
  delete: permission,
  connect: permission,
})

/** The customer's durable machine. */
export const instance = z.strictObject({
  id,
  project: id,
  name: z.string(),
  image: z.string(),
  flavor: z.string(),
  home: z.strictObject({ volume: id, name: z.string(), sizeGib: z.int() }),
  createdBy: z.string(),
  intent: z.enum(['running', 'stopped', 'deleted']),
  state: z.enum(instanceStates),
  waiting: waiting.nullable(),
  ending: ending.nullable(),
  requestedAt: instant.nullable().describe('Of the start that is waited for or was last served.'),
  allocation: allocation.nullable().describe('The live one, or the last.'),
  cost,
  doors: z.array(door),
  ssh: sshDoor,
  actions: instanceActions,
  createdAt: instant,
  changedAt: instant,
})
export type Instance = z.infer<typeof instance>

/** One change of an instance's or run's intent or state, for people to read. */
export const historyEvent = z.strictObject({
  seq: z.int(),
  subject: id,
  at: instant,
  event: z.string(),
  from: z.string().nullable(),
  to: z.string(),
  intent: z.string(),
  allocation: id.nullable(),
  actor: z.string(),
  detail: z.string().nullable(),
})
export type HistoryEvent = z.infer<typeof historyEvent>

export const listInstancesQuery = z.strictObject({
  ...pageQuery,
  name: wanted.optional().describe('Name or id.'),
  includeDeleted: z.enum(['true', 'false']).default('false'),
})

/** A code that the app's own host exchanges, once, within seconds, for its cookie. */
export const doorCode = z.strictObject({
  url: z
    .string()
    .describe('Open this: the code is in it, is used up by opening, and the address is clean afterwards.'),
  expiresAt: instant,
})
