import { createClient } from '@gpuhour/sdk/client'
import { fetchSignedIn } from './api.ts'

/** The open bill exactly as it came: what is verified and saved are the same bytes. */
export async function fetchBill(
  organization: string,
  query: { readonly from?: string; readonly to?: string },
): Promise<Uint8Array<ArrayBuffer>> {
  let bytes = new Uint8Array()
  const client = createClient({
    baseUrl: '',
    fetch: async (request) => {
      const response = await fetchSignedIn(request)
      if (response.ok) bytes = new Uint8Array(await response.clone().arrayBuffer())
      return response
    },
  })
  await client.getBill({ params: { organization }, query })
  return bytes
}

/** Lets the browser save bytes under a name. */
export function save(bytes: Uint8Array<ArrayBuffer>, name: string): void {
  const address = URL.createObjectURL(new Blob([bytes], { type: 'application/json' }))
  const link = document.createElement('a')
  link.href = address
  link.download = name
  link.click()
  URL.revokeObjectURL(address)
}
