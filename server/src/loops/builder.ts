import * as catalog from '../catalog/catalog.ts'
import type { RecipeFacts } from '../catalog/catalog.ts'
import type { ImageNeeds } from '../catalog/rules.ts'
import type { Clock } from '../kernel/clock.ts'
import { messageOf } from '../kernel/errors.ts'
import { minuteMs, secondMs } from '../kernel/time.ts'
import type { BuildProgress, ImageBuilder, ProofResult, Recipe } from '../runtime/builder.ts'
import type { Store } from '../store/store.ts'
import type { Loop, PassReport } from './loop.ts'

/** What the builder works with. */
export interface BuilderParts {
  readonly store: Store
  readonly builder: ImageBuilder
  readonly clock: Clock
  readonly onTrouble: (subject: string, what: string, error: unknown) => void
}

/** A mirror that hiccups is asked three times; then a person has to look. An interruption is no attempt. */
const attemptsMax = 3
/** Pause before a failed build is tried again. */
const retryMs = minuteMs
/** Progress is written at most so often. */
const progressMs = 500

/** Builds, proves and offers the images of this checkout's recipes, one at a time, parents first. */
export function makeBuilder(parts: BuilderParts): Loop {
  let hasAnnounced = false
  const notBefore = new Map<string, number>()
  return {
    name: 'builder',
    everyMs: 30 * secondMs,
    async pass(signal): Promise<PassReport> {
      const { store, builder, clock, onTrouble } = parts
      const recipes = await builder.listRecipes(signal)
      await store.transact((tx) => catalog.announce(tx, recipes.map(factsOf), !hasAnnounced))
      if (!hasAnnounced) await missWhatIsGone(parts, recipes, signal)
      hasAnnounced = true
      const counts = { recipes: recipes.length, built: 0, failed: 0 }
      for (const recipe of recipes) {
        const build = await dueBuild(store, recipe)
        if (!build || (notBefore.get(build.id) ?? 0) > clock.monotonic()) continue
        try {
          if (await buildAndProve(parts, recipe, build, signal)) counts.built += 1
          else counts.failed += 1
        } catch (error) {
          signal.throwIfAborted()
          counts.failed += 1
          notBefore.set(build.id, clock.monotonic() + retryMs)
          onTrouble(`${recipe.name}:${recipe.version}`, 'building the image', error)
          await noteFailure(store, recipe, error)
        }
      }
      return counts
    },
  }
}

/** An image that somebody removed from the engine is off offer, and is built again. */
async function missWhatIsGone(
  { store, builder }: BuilderParts,
  recipes: readonly Recipe[],
  signal: AbortSignal,
): Promise<void> {
  for (const recipe of recipes)
    if ((await builder.present(recipe, signal)) === null)
      await store.transact((tx) => catalog.miss(tx, recipe.name, recipe.version, recipe.sourceDigest))
}

/** A recipe as the catalog keeps it. */
function factsOf(recipe: Recipe): RecipeFacts {
  const { name, version, sourceDigest, title, description, publisher, licences } = recipe
  const needs = needsOf(recipe)
  return {
    image: name,
    version,
    digest: sourceDigest,
    title,
    description,
    publisher,
    licences: [licences.en],
    needs,
  }
}

function needsOf({ needs: { cuda, driver, gpuArchitectures, diskGib } }: Recipe): ImageNeeds {
  return { cudaRuntime: cuda, minimalDriver: driver, gpuArchitectures, diskGib }
}

/** The build of exactly this recipe, where it is not over. */
async function dueBuild(store: Store, recipe: Recipe): Promise<catalog.BuildRow | null> {
  const all = await store.read((tx) => catalog.builds(tx))
  const build = all.find(
    ({ image, version, recipe: digest }) =>
      image === recipe.name && version === recipe.version && digest === recipe.sourceDigest,
  )
  return build && build.state !== 'done' && build.state !== 'failed' ? build : null
}

/** Answers whether the version is now on offer. */
async function buildAndProve(
  { store, builder, clock }: BuilderParts,
  recipe: Recipe,
  found: catalog.BuildRow,
  signal: AbortSignal,
): Promise<boolean> {
  let build = await store.transact(async (tx) =>
    catalog.progress(tx, found, {
      state: 'building',
      attempt: Math.max(found.attempt, 1),
      startedAt: found.startedAt ?? (await tx.now()),
    }),
  )
  // Progress comes faster than it needs to be written; the newest word waits for the one being written.
  let writing: Promise<void> = Promise.resolve()
  let writtenAt = -progressMs
  const show = (progress: BuildProgress): void => {
    if (clock.monotonic() - writtenAt < progressMs) return
    writtenAt = clock.monotonic()
    writing = writing.then(async () => {
      build = await store.transact((tx) => catalog.progress(tx, build, rowOf(progress)))
    })
    // Progress that cannot be written is not worth a build.
    writing = writing.catch(() => {})
  }
  const built = await builder.build(recipe, show, signal)
  await writing
  build = await store.transact((tx) =>
    catalog.progress(tx, build, { state: 'proving', title: 'proofs', bytesDone: null, bytesTotal: null }),
  )
  // Devices are given by the placer alone: what needs one is proved in an allocation, not here.
  const proofs = await builder.prove({ imageId: built.imageId, gpus: [] }, signal)
  const { imageId: digest, sizeBytes } = built
  return store.transact((tx) =>
    catalog.offer(tx, build, {
      digest,
      sizeBytes,
      needs: needsOf(recipe),
      proofs: proofs.map((proof) => proofRowOf(proof)),
    }),
  )
}

function rowOf({ step, steps, title, bytesDone, bytesTotal }: BuildProgress): Partial<catalog.BuildRow> {
  const bytes = (count: number | null): bigint | null => (count === null ? null : BigInt(Math.floor(count)))
  return { step, steps, title, bytesDone: bytes(bytesDone), bytesTotal: bytes(bytesTotal) }
}

/** A skipped proof says so in its detail: it needs something that was not there. */
function proofRowOf(proof: ProofResult): catalog.BuiltVersion['proofs'][number] {
  const { name, ok, skipped, durationMs, detail } = proof
  const [driver, gpu] = [null, null]
  return {
    name,
    ok: ok || skipped,
    durationMs: Math.round(durationMs),
    detail: { ...detail, skipped },
    driver,
    gpu,
  }
}

async function noteFailure(store: Store, recipe: Recipe, error: unknown): Promise<void> {
  const build = await dueBuild(store, recipe)
  if (!build) return
  const isOver = build.attempt >= attemptsMax
  await store.transact(async (tx) => {
    const endedAt = isOver ? await tx.now() : null
    await catalog.progress(tx, build, {
      state: isOver ? 'failed' : 'waiting',
      attempt: isOver ? build.attempt : build.attempt + 1,
      error: messageOf(error),
      endedAt,
    })
    await tx.notify('placement')
  })
}
