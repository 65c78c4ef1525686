import type { ImageVersion } from '@gpuhour/sdk/contract'
import type { CommandSpec } from '../command.ts'
import { printTable } from '../output.ts'
import { everyItem } from '../pick.ts'
import { size } from '../shown.ts'

function stateOf({ isOffered, build }: ImageVersion): string {
  if (!build) return isOffered ? 'ready' : 'withdrawn'
  const steps = build.steps > 0 ? ` ${build.step}/${build.steps}` : ''
  const bytes = build.bytesDone === null ? '' : ` ${size(build.bytesDone)}`
  const state =
    build.state === 'failed' ? `failed: ${build.error ?? 'unknown'}` : `${build.state}${steps}${bytes}`
  return isOffered ? `ready, next ${state}` : state
}

function proofsOf({ proofs }: ImageVersion): string {
  if (proofs.length === 0) return '–'
  const passed = proofs.filter(({ ok, skipped }) => ok && !skipped).length
  const skipped = proofs.filter((proof) => proof.skipped).length
  return `${passed} of ${proofs.length} passed${skipped > 0 ? `, ${skipped} skipped` : ''}`
}

export const command: CommandSpec = {
  name: 'images',
  summary: 'what can be run: images, versions, proofs, builds under way',
  async run(context) {
    const client = context.client()
    const images = await everyItem((cursor) =>
      client.listImages({ query: { ...(cursor ? { cursor } : {}) } }),
    )
    if (context.isJson) return context.printJson(images)
    const rows = images.flatMap(({ title, versions }) =>
      versions.map((version) => [
        version.reference,
        stateOf(version),
        version.sizeBytes === null ? '–' : size(version.sizeBytes),
        proofsOf(version),
        title['en'] ?? '',
      ]),
    )
    const header = ['IMAGE', 'STATE', 'SIZE', 'PROOFS', 'TITLE']
    printTable(context, header, rows, 'No images yet: see gpuhour doctor')
  },
}
