import { z } from 'zod'
import {
  currency,
  id,
  instant,
  name,
  nanos,
  newId,
  pageQuery,
  permission,
  sizeGib,
  wanted,
} from './values.ts'

export const newVolume = z.strictObject({ id: newId('volume'), name, sizeGib })

export const volumeChange = z.strictObject({ sizeGib })

/** Storage that outlives allocations; billed by size and time, whatever the instance does. */
export const volume = z.strictObject({
  id,
  project: id,
  name: z.string(),
  sizeGib: z.int(),
  state: z.enum(['requested', 'ready', 'deleting', 'deleted']),
  homeOf: id.nullable().describe('The instance that it was made with, and goes with.'),
  attachedTo: id.nullable(),
  currency,
  nanosPerHour: nanos,
  actions: z.strictObject({ resize: permission, delete: permission }),
  requestedAt: instant,
  createdAt: instant.nullable(),
})
export type Volume = z.infer<typeof volume>

export const listVolumesQuery = z.strictObject({ ...pageQuery, name: wanted.optional() })
