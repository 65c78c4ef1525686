import { z } from 'zod'
import { periodQuery } from './money.ts'

const compression = z
  .enum(['none', 'gzip'])
  .default('none')
  .describe('gzip: the file itself is compressed, and its name ends in .gz.')

/** What a list is exported by: its period, as of a statement, and the form of the file. */
export const exportQuery = z.strictObject({
  ...periodQuery.shape,
  format: z
    .enum(['csv', 'jsonl'])
    .default('csv')
    .describe('csv: RFC 4180 in UTF-8, with a header; jsonl: an object a line, with the same fields.'),
  compression,
})

/** What a FOCUS file is asked by. */
export const focusQuery = z.strictObject({
  ...periodQuery.shape,
  version: z.enum(['1.0', '1.2', '1.4']).default('1.2').describe('Of the specification.'),
  compression,
})

/** The media types of a FOCUS file. */
export const focusMediaTypes = ['text/csv', 'application/gzip'] as const

/** The media types of an exported list. */
export const listMediaTypes = ['text/csv', 'application/jsonl', 'application/gzip'] as const
