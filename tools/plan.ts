import { filesBelow } from './sources.ts'

// What runs beside what. A file says by its place and its name what it needs of the machine.

/**
 * The nice value of files that need nothing but processors, and of their database: whoever has containers to
 * watch comes first, and beside a training that takes every processor there is still a third for them.
 */
export const modestPriority = 5

/** The test files of a run, by what they need. */
export interface Plan {
  /** `*.alone.test.ts`: rules of time. Nothing runs beside them. */
  readonly alone: readonly string[]
  /** Processors and a database: beside all that follows, with what it leaves of the processors. */
  readonly plain: readonly string[]
  /**
   * `*.browser.test.ts`: no container comes or goes beside them but their own, because a browser gives up
   * what it is loading whenever a network does.
   */
  readonly browser: readonly string[]
  /** `*.docker.test.ts`: the engine, one file at a time. */
  readonly docker: readonly string[]
  /** `tests/isolation`, `tests/journeys`: a platform, one file at a time on each. */
  readonly errands: readonly string[]
}

/** All test files of the checkout whose path contains one of the words; without a word all. */
export function testFiles(words: readonly string[]): readonly string[] {
  return ['tools', 'sdk', 'server', 'cli', 'console', 'tests', 'images', 'bench']
    .flatMap((folder) => filesBelow(folder, /\.test\.tsx?$/))
    .filter((file) => words.length === 0 || words.some((word) => file.includes(word)))
}

function needOf(file: string): keyof Plan {
  if (file.endsWith('.alone.test.ts')) return 'alone'
  if (file.endsWith('.browser.test.ts')) return 'browser'
  if (file.endsWith('.docker.test.ts')) return 'docker'
  return /^tests\/(?:isolation|journeys)\//.test(file) ? 'errands' : 'plain'
}

/** Sorts files by what they need. */
export function planOf(files: readonly string[]): Plan {
  const of = (need: keyof Plan): readonly string[] => files.filter((file) => needOf(file) === need)
  return {
    alone: of('alone'),
    plain: of('plain'),
    browser: of('browser'),
    docker: of('docker'),
    errands: of('errands'),
  }
}
