import { appendFileSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Happening, WorldState } from './world.ts'

/** Where a simulated world is kept between processes. */
export interface Keep {
  load(): WorldState | null
  save(state: WorldState): void
  append(happening: Happening): void
}

/** A world that ends with its process, as in the simulation. */
export const keepNothing: Keep = { load: () => null, save: () => {}, append: () => {} }

/**
 * A world in a JSON file, replaced by renaming, so that it outlives the controller
 * (`GPUHOUR_RUNTIME=simulated`); what happened is appended, a line each, to the file's name with `.log`
 * behind it.
 */
export function keepInFile(path: string): Keep {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  return {
    load() {
      try {
        // Written by `save` below and by nothing else.
        return JSON.parse(readFileSync(path, 'utf8')) as WorldState
      } catch (error) {
        if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null
        throw error
      }
    },
    save(state) {
      writeFileSync(`${path}.new`, JSON.stringify(state), { mode: 0o600 })
      renameSync(`${path}.new`, path)
    },
    append(happening) {
      appendFileSync(`${path}.log`, `${JSON.stringify(happening)}\n`, { mode: 0o600 })
    },
  }
}
