import { AppError, notFound } from '../kernel/errors.ts'
import type { Tx } from '../store/store.ts'
import type { FlavorShape } from './flavors.rules.ts'
import * as rows from './rows.ts'
import { type Bilingual, type ImageNeeds, parseImageName } from './rules.ts'

export type { BuildRow, ImageRow, ImageVersionRow, ProofRow } from './rows.ts'
export { builds, flavor, flavors, images, offered, proofs, versionById, versions } from './rows.ts'

/** A recipe as the checkout holds it. */
export interface RecipeFacts {
  readonly image: string
  readonly version: string
  /** Digest of everything the recipe is made of. */
  readonly digest: string
  readonly title: Bilingual
  readonly description: Bilingual
  readonly publisher: string
  readonly licences: readonly string[]
  readonly needs: ImageNeeds
}

/**
 * Makes the recipes of this checkout known and asks for the builds that are missing. Harmless to repeat.
 * `afresh`, at a start: what had failed is tried again, and what was interrupted counts as never tried.
 */
export async function announce(tx: Tx, recipes: readonly RecipeFacts[], afresh: boolean): Promise<void> {
  const now = await tx.now()
  if (afresh) await rows.beginBuildsAfresh(tx)
  for (const recipe of recipes) {
    const { image, version, title, description, publisher, licences } = recipe
    await rows.upsertImage(tx, { id: image, title, description, publisher, licences }, now)
    await rows.insertBuild(tx, {
      id: tx.newId('imageBuild'),
      image,
      version,
      recipe: recipe.digest,
      requestedAt: now,
    })
  }
}

/** The image of a finished build is not on the engine any more: it is off offer until it was built again. */
export async function miss(tx: Tx, image: string, version: string, recipe: string): Promise<void> {
  const build = (await rows.builds(tx)).find((one) => one.recipe === recipe && one.image === image)
  if (build?.state !== 'done') return
  await rows.withdrawOthers(tx, image, version, '', await tx.now())
  await progress(tx, build, { state: 'waiting', attempt: 0, endedAt: null })
}

/** Notes how far a build is. */
export async function progress(
  tx: Tx,
  build: rows.BuildRow,
  changed: Partial<rows.BuildRow>,
): Promise<rows.BuildRow> {
  const next = { ...build, ...changed }
  await rows.updateBuild(tx, build.id, next)
  await tx.notify('images')
  return next
}

/** What a finished build gave. */
export interface BuiltVersion {
  readonly digest: string
  readonly sizeBytes: number
  readonly needs: ImageNeeds
  readonly proofs: readonly Pick<rows.ProofRow, 'name' | 'ok' | 'durationMs' | 'detail' | 'driver' | 'gpu'>[]
}

/** Records the proofs, and puts the version on offer if every one of them passed; answers whether it is. */
export async function offer(tx: Tx, build: rows.BuildRow, built: BuiltVersion): Promise<boolean> {
  const now = await tx.now()
  const { image, version } = build
  for (const proof of built.proofs)
    await rows.insertProof(tx, {
      ...proof,
      id: tx.newId('proof'),
      image,
      version,
      digest: built.digest,
      at: now,
    })
  const isProved = built.proofs.length > 0 && built.proofs.every(({ ok }) => ok)
  if (isProved) {
    await rows.withdrawOthers(tx, image, version, built.digest, now)
    await rows.insertVersion(tx, {
      id: tx.newId('imageVersion'),
      image,
      version,
      digest: built.digest,
      recipe: build.recipe,
      needs: built.needs,
      sizeBytes: BigInt(built.sizeBytes),
      offeredAt: now,
    })
  }
  const failed = built.proofs.filter(({ ok }) => !ok).map(({ name }) => name)
  await progress(tx, build, {
    state: isProved ? 'done' : 'failed',
    error: isProved ? null : `These proofs failed: ${failed.join(', ') || 'none was run'}.`,
    endedAt: now,
  })
  await tx.notify('placement')
  return isProved
}

/** The image a person named: a version on offer, or one whose first build is under way. */
export async function resolveImage(
  tx: Tx,
  name: string,
): Promise<{ readonly image: string; readonly version: string }> {
  const parsed = parseImageName(name)
  const known = await rows.builds(tx)
  const all = await rows.versions(tx)
  const ofImage = [...known, ...all.filter(({ withdrawnAt }) => withdrawnAt === null)].filter(
    ({ image }) => image === parsed?.image,
  )
  const wanted = parsed?.version ?? ofImage.at(-1)?.version
  const match = ofImage.find(({ version }) => version === wanted)
  if (match) return { image: match.image, version: match.version }
  const names = [...new Set([...known, ...all].map(({ image, version }) => `${image}:${version}`))].join(', ')
  const shown = name.length > 80 ? `${name.slice(0, 80)}…` : name
  throw new AppError('not_found', `There is no image "${shown}". Pick one of: ${names || 'none yet'}.`)
}

/** The flavor a person named. */
export async function resolveFlavor(tx: Tx, id: string): Promise<FlavorShape> {
  const found = await rows.flavor(tx, id)
  if (!found) throw notFound('flavor', id)
  return found
}

/** Makes exactly these flavors be on offer. */
export async function offerFlavors(tx: Tx, shapes: readonly FlavorShape[]): Promise<void> {
  for (const shape of shapes) await rows.upsertFlavor(tx, shape)
  await rows.withdrawFlavors(
    tx,
    shapes.map(({ id }) => id),
    await tx.now(),
  )
}

/** Puts the simulated runtime's characters on offer, each under its own name; they have nothing to prove. */
export async function offerCharacters(tx: Tx, names: readonly string[]): Promise<void> {
  const now = await tx.now()
  const text = (name: string): Bilingual => ({ en: `Character ${name}`, zh: `角色 ${name}` })
  for (const image of names) {
    const title = text(image)
    await rows.upsertImage(
      tx,
      { id: image, title, description: title, publisher: 'gpuhour', licences: [] },
      now,
    )
    await rows.insertVersion(tx, {
      id: tx.newId('imageVersion'),
      image,
      version: '1',
      digest: image,
      recipe: image,
      needs: { cudaRuntime: null, minimalDriver: null, gpuArchitectures: [], diskGib: 0 },
      sizeBytes: 0n,
      offeredAt: now,
    })
  }
}
