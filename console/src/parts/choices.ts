import type { Image, ImageVersion, Instance, Offer, Proof } from '@gpuhour/sdk/contract'

/** The flavor by which a balance is explained: the last used, else the cheapest GPU, else the largest. */
export function usualOffer(
  offers: readonly Offer[],
  instances: readonly Pick<Instance, 'flavor' | 'createdAt'>[],
): Offer | undefined {
  const last = instances.toSorted((a, b) => b.createdAt.localeCompare(a.createdAt))[0]
  const byPrice = offers.toSorted((a, b) => Number(BigInt(a.nanosPerHour) - BigInt(b.nanosPerHour)))
  return (
    offers.find(({ flavor }) => flavor === last?.flavor) ??
    byPrice.find(({ gpu }) => gpu !== null) ??
    byPrice.at(-1)
  )
}

/** An image version as it can be picked. */
export interface Choice {
  readonly image: Image
  readonly version: ImageVersion
}

/** Every version that can be asked for, or could be: what is being built may be asked for, and waits free. */
export function choicesOf(images: readonly Image[]): readonly Choice[] {
  return images.flatMap((image) => image.versions.map((version) => ({ image, version })))
}

/** Offered now, or being built: a failed build is no promise. */
export function isPickable({ isOffered, build }: ImageVersion): boolean {
  return isOffered || (build !== null && build.state !== 'failed')
}

/** What is picked before anybody picked: on offer before being built, with CUDA before without. */
export function firstPick(choices: readonly Choice[]): Choice | undefined {
  const offered = choices.filter(({ version }) => version.isOffered)
  const pickable = choices.filter(({ version }) => isPickable(version))
  const hasCuda = ({ version }: Choice) => version.needs.cuda !== null
  return offered.find(hasCuda) ?? offered[0] ?? pickable.find(hasCuda) ?? pickable[0] ?? choices[0]
}

/** What one would train on here, as the CLI picks: the smallest GPU, else the most CPUs; free ones first. */
export function firstOffer(offers: readonly Offer[]): Offer | undefined {
  const fitting = offers.filter(isAskable)
  const free = fitting.filter(({ freeNow }) => freeNow > 0)
  const byPrice = (free.length > 0 ? free : fitting).toSorted((a, b) =>
    BigInt(a.nanosPerHour) < BigInt(b.nanosPerHour) ? -1 : 1,
  )
  return byPrice.find(({ gpu }) => gpu !== null) ?? byPrice.at(-1)
}

/** May it be asked for: it fits, and the platform has such a machine at all. */
export function isAskable({ fits, capacity }: Offer): boolean {
  return fits.allowed && capacity > 0
}

/** How a proof came out: a skipped one neither held nor failed. */
export function resultOf({ ok, skipped }: Pick<Proof, 'ok' | 'skipped'>): 'passed' | 'skipped' | 'failed' {
  if (skipped) return 'skipped'
  return ok ? 'passed' : 'failed'
}

/** How many proofs passed, and how many were skipped. */
export function provedOf(proofs: readonly Pick<Proof, 'ok' | 'skipped'>[]) {
  const count = (result: ReturnType<typeof resultOf>) =>
    proofs.filter((proof) => resultOf(proof) === result).length
  return { passed: count('passed'), skipped: count('skipped'), all: proofs.length }
}

/** The text in the language that is shown, or in English, which is always there. */
export function inLanguage(texts: Readonly<Record<string, string>>, language: string): string {
  return texts[language] ?? texts['en'] ?? Object.values(texts)[0] ?? ''
}
