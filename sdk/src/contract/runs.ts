import { z } from 'zod'
import { limitNanos } from './budgets.ts'
import { allocation, cost, ending, waiting } from './instances.ts'
import {
  flavorName,
  id,
  imageReference,
  instant,
  name,
  nanos,
  newId,
  pageQuery,
  permission,
  wanted,
} from './values.ts'

export const runStates = [
  'queued',
  'preparing',
  'running',
  'unreachable',
  'stopping',
  'succeeded',
  'failed',
  'canceled',
  'timed_out',
] as const
export type RunState = (typeof runStates)[number]

/** The states that a run never leaves. */
export const finalRunStates: readonly RunState[] = ['succeeded', 'failed', 'canceled', 'timed_out']

const argument = z
  .string()
  .max(32_768, { error: 'must be at most 32768 characters' })
  .refine((text) => !text.includes('\0') && text.isWellFormed(), {
    error: 'must be well-formed Unicode without NUL',
  })

/** The names that the platform sets itself, or that would change what is run: a command cannot bring them. */
const environmentName = z.string().regex(/^(?!LD_|GPUHOUR_)[A-Za-z_][A-Za-z0-9_]{0,127}$/, {
  error: 'must be the name of a variable, and not begin with "LD_" or "GPUHOUR_"',
})

export const newRun = z.strictObject({
  id: newId('run'),
  name: name.optional().describe('Default: made from the command.'),
  image: imageReference,
  flavor: flavorName,
  command: z
    .array(argument)
    .min(1, { error: 'must name a command' })
    .refine(([program]) => program !== '', { error: 'must begin with the name of a command' })
    .max(1000, { error: 'must be at most 1000 arguments' }),
  environment: z.record(environmentName, argument).default({}),
  volume: wanted
    .nullable()
    .default(null)
    .describe('Id or name of the volume mounted as home; null: the home is scratch and goes with the run.'),
  timeLimitSeconds: z
    .int()
    .min(1, { error: 'must be at least 1 second' })
    .max(31_536_000, { error: 'must be at most a year' })
    .nullable()
    .default(null),
  costLimitNanos: limitNanos
    .nullable()
    .default(null)
    .describe('What it may cost in all; it ends at the second that this covers. Null: no limit.'),
})

/** One execution of a command. */
export const run = z.strictObject({
  id,
  project: id,
  name: z.string(),
  image: z.string(),
  flavor: z.string(),
  cpus: z.int(),
  gpu: z.strictObject({ model: z.string(), count: z.int() }).nullable(),
  command: z.array(z.string()),
  volume: z.strictObject({ id, name: z.string() }).nullable().describe('Null: the home was scratch.'),
  timeLimitSeconds: z.int().nullable(),
  costLimitNanos: nanos.nullable(),
  createdBy: z.string(),
  intent: z.enum(['running', 'stopped']),
  state: z.enum(runStates),
  waiting: waiting.nullable(),
  ending: ending.nullable(),
  allocation: allocation.nullable(),
  cost,
  isLogComplete: z.boolean(),
  actions: z.strictObject({ cancel: permission }),
  createdAt: instant,
  changedAt: instant,
  endedAt: instant.nullable(),
})
export type Run = z.infer<typeof run>

/** One piece of output; `n` counts from 1 without a gap and is the id of the server-sent event. */
export const logLine = z.strictObject({
  n: z.int(),
  stream: z.enum(['stdout', 'stderr']),
  text: z.string().describe('With its line end; a very long line may come in pieces.'),
})
export type LogLine = z.infer<typeof logLine>

/** `follow=false`: what is there now, then the end. */
export const logQuery = z.strictObject({ follow: z.enum(['true', 'false']).default('true') })

/** Everything was sent: how many pieces there are. */
export const logEnd = z.strictObject({ lines: z.int() })

export const listRunsQuery = z.strictObject({
  ...pageQuery,
  name: wanted.optional().describe('Only runs of this name; several may have it.'),
})
