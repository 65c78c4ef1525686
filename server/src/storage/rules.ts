import { AppError } from '../kernel/errors.ts'

/** The largest volume that can be asked for, in GiB: 64 TiB, more than any single disk of a node. */
export const volumeGibMax = 65_536

/** Refuses a size that is no whole number of GiB from 1 on, or smaller than the present one. */
export function checkSize(sizeGib: number, presentGib: number | null): void {
  if (!Number.isInteger(sizeGib) || sizeGib < 1 || sizeGib > volumeGibMax)
    throw new AppError(
      'invalid_request',
      `A volume's size is a whole number of GiB from 1 to ${volumeGibMax}.`,
      undefined,
      [{ pointer: '/sizeGib', message: `must be a whole number from 1 to ${volumeGibMax}` }],
    )
  if (presentGib !== null && sizeGib < presentGib)
    throw new AppError('invalid_request', `The volume has ${presentGib} GiB and can only grow.`, undefined, [
      { pointer: '/sizeGib', message: `must be at least ${presentGib}` },
    ])
}
