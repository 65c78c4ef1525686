import { z } from 'zod'
import { instant } from './values.ts'

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
})
export type Platform = z.infer<typeof platform>

/** A machine that runs allocations, as it last reported itself. */
export const node = z.strictObject({
  id: z.string(),
  name: z.string(),
  driver: z.string(),
  status: z.string(),
  cpus: z.int(),
  memoryGib: z.int(),
  diskGib: z.int(),
  devices: z.array(
    z.strictObject({ id: z.string(), model: z.string(), memoryMib: z.int(), healthy: z.boolean() }),
  ),
  gpuDriver: z.string().nullable(),
  cudaDriver: z.string().nullable(),
  missing: z.array(z.string()).describe('Promises that this machine cannot keep, in plain words.'),
  seenAt: instant,
})

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
