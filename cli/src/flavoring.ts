import { ApiError, type Client } from '@gpuhour/sdk/client'

/** Sees a request through that names a flavor; one that there is not is answered by those that there are. */
export async function withFlavor<T>(
  client: Client,
  project: string,
  flavor: string,
  asked: Promise<T>,
): Promise<T> {
  try {
    return await asked
  } catch (error) {
    if (!(error instanceof ApiError) || (error.code !== 'not_found' && error.code !== 'invalid_request'))
      throw error
    // Where the list cannot be had, the platform's own words have to do.
    const offers = await client.listOffers({ params: { project } }).catch(() => null)
    if (!offers || offers.items.some((offer) => offer.flavor === flavor)) throw error
    const names = offers.items.map((offer) => offer.flavor).join(', ') || 'none yet'
    const shown = flavor.length > 80 ? `${flavor.slice(0, 80)}…` : flavor
    const detail = `There is no flavor "${shown}". Pick one of: ${names}.`
    throw new ApiError('not_found', 404, detail, { requestId: error.requestId })
  }
}
