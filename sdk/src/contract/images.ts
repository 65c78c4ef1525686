import { z } from 'zod'
import { instant, nanos, permission } from './values.ts'

/** A text in each language of the console; `en` is always there. */
export const localized = z.record(z.string(), z.string())

/** How far a build is, parsed from what builds: never estimated. */
export const buildProgress = z.strictObject({
  id: z.string(),
  image: z.string().describe('name:version'),
  state: z.enum(['waiting', 'building', 'proving', 'done', 'failed']),
  step: z.int().describe('Steps done so far.'),
  steps: z.int().describe('Steps known so far; 0 before the first.'),
  title: z.string().describe('What is being done now.'),
  bytesDone: z.int().nullable(),
  bytesTotal: z.int().nullable(),
  attempt: z.int(),
  error: z.string().nullable(),
  requestedAt: instant,
  startedAt: instant.nullable(),
  endedAt: instant.nullable(),
})
export type BuildProgress = z.infer<typeof buildProgress>

/** The recorded result of one check, run inside the image. */
export const proof = z.strictObject({
  name: z.string(),
  ok: z.boolean().describe('False where it did not hold, and where it was skipped.'),
  skipped: z.boolean().describe('It needs something that is not there; the detail says what.'),
  durationMs: z.int(),
  detail: z.record(z.string(), z.unknown()),
  gpu: z.string().nullable(),
  driver: z.string().nullable(),
  at: instant,
})
export type Proof = z.infer<typeof proof>

/** What a version needs of the node that runs it. */
export const imageNeeds = z.strictObject({
  gpuDriver: z
    .string()
    .nullable()
    .describe('The oldest NVIDIA driver, such as "525.60.13"; null: none needed.'),
  cuda: z.string().nullable().describe('The CUDA runtime inside.'),
  diskGib: z.int(),
})

/** One immutable build of an image, or one that is being built and has no digest yet. */
export const imageVersion = z.strictObject({
  reference: z.string().describe('name:version, as a launch names it.'),
  version: z.string(),
  digest: z.string().nullable(),
  sizeBytes: z.int().nullable(),
  isOffered: z.boolean(),
  offeredAt: instant.nullable(),
  needs: imageNeeds,
  proofs: z.array(proof),
  build: buildProgress.nullable().describe('The build under way, or the last one if it failed.'),
})
export type ImageVersion = z.infer<typeof imageVersion>

/** A named line of environments. */
export const image = z.strictObject({
  name: z.string(),
  title: localized,
  description: localized,
  publisher: z.string(),
  licences: z.array(z.string()),
  versions: z.array(imageVersion),
})
export type Image = z.infer<typeof image>

/** A flavor at a rate, with what is free now: what a person picks. */
export const offer = z.strictObject({
  flavor: z.string(),
  cpus: z.int(),
  memoryGib: z.int(),
  diskGib: z.int(),
  gpu: z.strictObject({ model: z.string(), count: z.int() }).nullable(),
  currency: z.string(),
  nanosPerHour: nanos.describe('While running; everything else is free.'),
  lines: z.array(z.strictObject({ sku: z.string(), quantity: z.int(), nanosPerUnitHour: nanos })),
  freeNow: z.int().describe('How many of this flavor would start at once.'),
  capacity: z.int().describe('How many would fit on empty nodes.'),
  fits: permission.describe('Does the image of the query run here? Allowed where no image was named.'),
})
export type Offer = z.infer<typeof offer>

/** The offers of a project, and what its storage costs. */
export const offers = z.strictObject({
  currency: z.string(),
  priceBook: z.string(),
  volumeNanosPerGibHour: nanos,
  items: z.array(offer),
})
export type Offers = z.infer<typeof offers>
