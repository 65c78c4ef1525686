import { z } from 'zod'
import { type IdKind, idPrefixes } from './ids.ts'

/** An id that the caller makes: the prefix and a UUIDv7 in 26 digits of lower-case Crockford base32. */
export function newId(kind: IdKind) {
  return z
    .string()
    .regex(new RegExp(`^${idPrefixes[kind]}_[0-9a-hjkmnp-tv-z]{26}$`), {
      error: `must be "${idPrefixes[kind]}_" and 26 digits of Crockford base32 (a UUIDv7), in lower case`,
    })
    .describe('Made by the caller: the same request sent again finds what the first one made.')
}

/** An id as we answer it. */
export const id = z.string().max(80)

/** The name of a thing that also appears in a host name or on a command line. */
export const name = z.string().regex(/^[a-z](?:[a-z0-9-]{0,38}[a-z0-9])?$/, {
  error: 'must be 1 to 40 of a–z, 0–9 and "-", begin with a letter and not end with "-"',
})

/** One line for people: any script, no control or direction characters. */
export function lineOf(charactersMax: number) {
  return z
    .string()
    .min(1, { error: 'must not be empty' })
    .max(charactersMax, { error: `must be at most ${charactersMax} characters` })
    .regex(/^[^\p{Cc}\p{Cs}\u200e\u200f\u202a-\u202e\u2066-\u2069]+$/u, {
      error: 'must be one line without control characters',
    })
}

/** A label for people. */
export const label = lineOf(80)

/** What somebody wrote for people to read: any script, one line, no control or direction characters. */
export function sentence(charactersMax: number) {
  return z
    .string()
    .max(charactersMax, { error: `must be at most ${charactersMax} characters` })
    .regex(/^[^\p{Cc}\p{Cs}\u200e\u200f\u202a-\u202e\u2066-\u2069]+$/u, {
      error: 'must be one line without control characters',
    })
    .refine((text) => text.trim() !== '', { error: 'must say something' })
}

/** A name or an id that is looked for: what was never given to anything is simply not found. */
export const wanted = z
  .string()
  .max(80, { error: 'must be at most 80 characters' })
  .regex(/^[^\p{Cc}\p{Cs}]*$/u, { error: 'must not contain control characters' })

/** `name:version` of an image in the catalog. */
export const imageReference = z
  .string()
  .regex(/^[a-z0-9](?:[a-z0-9._/-]{0,62}[a-z0-9])?:[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, {
    error: 'must be an image and its version, such as "pytorch-cuda:2.9"',
  })

/** The name of a flavor, such as `cpu.2x8` or `v100.1`. */
export const flavorName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9.-]{0,62}$/, { error: 'must be the name of a flavor, such as "cpu.2x8"' })

/** The largest volume that can be asked for: beyond every disk that a node of today has. */
export const volumeGibMax = 65_536

/** Size of a volume in GiB. */
export const sizeGib = z
  .int({ error: 'must be a whole number of GiB' })
  .min(1, { error: 'must be at least 1 GiB' })
  .max(volumeGibMax, { error: `must be at most ${volumeGibMax} GiB` })

/** Billionths of the currency's major unit, as a decimal string: "35666666" is $0.035666666. */
export const nanos = z.string().regex(/^(?:0|-?[1-9][0-9]{0,37})$/, {
  error: 'must be a whole number of nano-units as a decimal string',
})

/** A count that may outgrow 2^53, as a decimal string. */
export const count = z.string().regex(/^(?:0|-?[1-9][0-9]{0,37})$/)

/** Hours as a decimal string, never rounded up: "0.059444". */
export const hours = z.string().regex(/^-?[0-9]{1,30}(?:\.[0-9]{1,9})?$/)

export const currency = z.enum(['USD', 'EUR'])

/** RFC 3339, UTC, to the millisecond. */
export const instant = z.iso.datetime({
  precision: 3,
  error: 'must be an instant such as "2026-11-23T09:30:00.000Z"',
})

/** An instant in a query: any RFC 3339 form, with an offset if one likes. */
export const askedInstant = z.iso.datetime({
  offset: true,
  error: 'must be an RFC 3339 instant such as "2026-11-23T09:30:00Z"',
})

/** What every list accepts. */
export const pageQuery = {
  limit: z.coerce
    .number<string | number>({ error: 'must be a whole number' })
    .int({ error: 'must be a whole number' })
    .min(1, { error: 'must be at least 1' })
    .max(200, { error: 'must be at most 200' })
    .default(50),
  cursor: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,400}$/, { error: 'must be the "next" of an earlier answer' })
    .optional()
    .describe('Opaque: the "next" of the answer before.'),
} as const

/** One page of a list; `next` is null on the last one. */
export function pageOf<T extends z.ZodType>(item: T) {
  return z.strictObject({ items: z.array(item), next: z.string().nullable() })
}

/** What an action on a thing would meet now: allowed, or the reason why not (for tooltips). */
export const permission = z.strictObject({ allowed: z.boolean(), why: z.string().nullable() })
