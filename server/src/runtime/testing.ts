import type { Recipe } from './builder.ts'

const texts = { en: 'Tiny', zh: '小' }

/** A recipe that nothing is built of: for tests of who builds, and when. */
export const tinyRecipe: Recipe = {
  name: 'tiny',
  version: '1',
  contract: 1,
  title: texts,
  description: texts,
  publisher: 'test',
  licences: texts,
  needs: { cuda: null, driver: null, gpuArchitectures: [], diskGib: 1 },
  parent: null,
  proofs: [],
  sourceDigest: 'd1',
}
