import { ApiError, type Client } from '@gpuhour/sdk/client'
import type { Device, Node } from '@gpuhour/sdk/contract'
import { everyItem } from './pick.ts'

/** Every machine with its devices; for operators. */
export async function allNodes(client: Client): Promise<Node[]> {
  return everyItem((cursor) => client.listNodes({ query: cursor ? { cursor } : {} }))
}

/** The machine of that name or id. */
export async function pickNode(client: Client, name: string): Promise<Node> {
  const found = (await allNodes(client)).find((node) => node.id === name || node.name === name)
  if (found) return found
  throw new ApiError('not_found', 404, `There is no node "${name}". See: gpuhour nodes.`)
}

/** How a device is, in words. */
export function healthText({ healthy, drained }: Device): string {
  if (drained) return `drained: ${drained.why}`
  return healthy ? 'well' : 'not well, says its driver'
}
