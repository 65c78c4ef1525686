import { z } from 'zod'
import { currency, askedInstant, id, instant, label, nanos, permission, sentence } from './values.ts'

/** How to reach the platform's doors; known to everyone who is signed in. */
export const platform = z.strictObject({
  version: z.string(),
  runtime: z.string(),
  consoleUrl: z.string(),
  apps: z.strictObject({ domain: z.string(), port: z.int(), scheme: z.enum(['http', 'https']) }),
  ssh: z.strictObject({
    host: z.string(),
    port: z.int(),
    hostKeys: z
      .array(z.string())
      .describe('OpenSSH public keys to pin; empty until the gateway has started once.'),
  }),
  payments: z
    .strictObject({ way: z.enum(['card', 'grant']), minNanos: nanos, maxNanos: nanos })
    .describe('How money is added: by card within these bounds, or by an operator’s grant alone.'),
})
export type Platform = z.infer<typeof platform>

/** One GPU, or a slice of one. It is given to somebody only where it is healthy and not drained. */
export const device = z.strictObject({
  id: z.string(),
  node: id,
  model: z.string(),
  memoryMib: z.int(),
  healthy: z.boolean().describe('By its driver’s last word.'),
  drained: z
    .strictObject({ at: instant, why: z.string() })
    .nullable()
    .describe('Given to nobody until an operator says that it is well.'),
  allocation: id.nullable().describe('Of whoever has it now.'),
})
export type Device = z.infer<typeof device>

export const nodeStatuses = ['ready', 'returning', 'draining', 'fenced'] as const

/** A machine that runs allocations, as it last reported itself. */
export const node = z.strictObject({
  id,
  name: z.string(),
  driver: z.string(),
  status: z
    .enum(nodeStatuses)
    .describe(
      'draining: keeps what it has, gets nothing new. fenced: off, by an operator’s word; asked nothing. ' +
        'returning: looked at again, and ready once nothing is there that does not belong.',
    ),
  cpus: z.int(),
  memoryGib: z.int(),
  diskGib: z.int(),
  devices: z.array(device),
  gpuDriver: z.string().nullable(),
  cudaDriver: z.string().nullable(),
  missing: z.array(z.string()).describe('Promises that this machine cannot keep, in plain words.'),
  seenAt: instant.describe('When it last answered.'),
  live: z.int().describe('Allocations of which something may be left on it.'),
  actions: z.strictObject({ drain: permission, ready: permission, fence: permission }),
})
export type Node = z.infer<typeof node>

/** A machine after it was fenced, with the allocations that were released by it. */
export const fenced = z.strictObject({ node, released: z.array(id) })
export type Fenced = z.infer<typeof fenced>

/** An allocation that is or was on a machine: what an operator looks through for whom a fault has hit. */
export const nodeAllocation = z.strictObject({
  allocation: id,
  subject: id.describe('The instance or run.'),
  name: z.string(),
  organization: z.strictObject({ id, name: z.string() }),
  flavor: z.string(),
  devices: z.array(z.string()),
  allocatedAt: instant,
  readyAt: instant.nullable(),
  lastSeenAt: instant.nullable(),
  closedAt: instant.nullable().describe('Its bill was closed for good.'),
  releasedAt: instant.nullable().describe('Null while something of it may be left.'),
})
export type NodeAllocation = z.infer<typeof nodeAllocation>

export const newFault = z.strictObject({
  evidence: sentence(500).describe('What shows it, in one line. The customer reads it on the bill.'),
  at: askedInstant.optional().describe('When it began; default: now. Not before the allocation.'),
  device: label.optional().describe('The device of the allocation that is at fault: it is drained.'),
})

/** A fault on record, with what it takes off the bill. */
export const fault = z.strictObject({
  allocation: id,
  subject: id,
  at: instant.describe('Nothing is paid from here on.'),
  recordedAt: instant,
  evidence: z.string(),
  givenBackNanos: nanos.describe('What the allocation cost before this, less what it costs now.'),
  currency,
})
export type Fault = z.infer<typeof fault>

export const drainedDevice = z.strictObject({ why: sentence(500).describe('For operators, in one line.') })

/** The facts that an operator needs when something is odd. */
export const doctor = z.strictObject({
  version: z.string(),
  asOf: instant,
  verdict: z.enum(['well', 'attention']),
  checks: z.array(
    z.strictObject({ name: z.string(), ok: z.boolean(), found: z.string(), todo: z.string().nullable() }),
  ),
  configuration: z.array(z.strictObject({ name: z.string(), value: z.string(), meaning: z.string() })),
  nodes: z.array(node),
  loops: z.array(
    z.strictObject({
      name: z.string(),
      lastPassAt: instant.nullable(),
      lastError: z.string().nullable(),
      counts: z.record(z.string(), z.int()),
    }),
  ),
  anomalies: z.array(
    z.strictObject({
      at: instant,
      subject: z.string(),
      event: z.string(),
      state: z.string(),
      detail: z.string(),
    }),
  ),
})
export type Doctor = z.infer<typeof doctor>
