import { apiKeyPrefix, principalOfApiKey } from '../tenancy/tenancy.ts'
import { bearerOf, type Identity, keyRefused } from './identity.ts'

/** By `Authorization: Bearer gph_…`. */
export const apiKeys: Identity = {
  method: 'api_key',
  async identify(tx, { headers }) {
    const token = bearerOf(headers)
    if (token === null || !token.startsWith(apiKeyPrefix)) return null
    const principal = await principalOfApiKey(tx, token)
    if (!principal) throw keyRefused()
    return principal
  },
}
