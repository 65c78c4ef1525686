import { parentPort, workerData } from 'node:worker_threads'
import { lifeOf } from './histories.ts'
import { differenceIn, ratingAt } from './judge.ts'

/** Lives that are asked about before a mutant is said to survive. */
const livesMax = 800

/** How often a mutant may be asked for in one life. */
const hitsMax = 2_000_000

/** Stryker's instrumented code asks this global which mutant it is. */
interface Stryker {
  activeMutant?: string
  hitCount?: number
  hitLimit?: number
}

// The instrumented code makes it so.
const global: { __stryker__?: Stryker } = globalThis as { __stryker__?: Stryker }

async function work(): Promise<void> {
  // What the test beside it gives.
  const { source } = workerData as { readonly source: string }
  // A mutant that loops for ever asks which one it is without end.
  const stryker: Stryker = (global.__stryker__ ??= {})
  stryker.hitLimit = hitsMax
  const rating = await ratingAt(new URL(source))
  parentPort?.on('message', (mutant: string) => {
    stryker.activeMutant = mutant
    let killedBy: string | null = null
    for (let index = 0; killedBy === null && index < livesMax; index += 1) {
      stryker.hitCount = 0
      const difference = differenceIn(rating, lifeOf(`mutant ${index}`))
      if (difference) killedBy = `life ${index}: ${difference.about}`
    }
    parentPort?.postMessage({ mutant, killedBy }, [])
  })
  parentPort?.postMessage({ mutant: null, killedBy: null }, [])
}

await work()
