import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { AllocationId } from '../kernel/ids.ts'
import type { AllocationFact, AllocationSpec, RegisteredNode, RuntimeDriver } from './driver.ts'

/** What an allocation of the suite is to do. */
export type Behaviour =
  | { readonly does: 'run' }
  | { readonly does: 'ignore TERM' }
  | { readonly does: 'exit'; readonly exitCode: number }
  /** Prints `line 1` and so on, and then runs. */
  | { readonly does: 'print'; readonly lines: number }

/** What somebody with rights on the machine does without asking us. */
export interface BehindOurBack {
  remove(id: AllocationId): Promise<void>
  pause(id: AllocationId): Promise<void>
  resume(id: AllocationId): Promise<void>
  kill(id: AllocationId): Promise<void>
  restart(id: AllocationId): Promise<void>
}

/** A driver under test and the world it runs in. */
export interface Harness {
  readonly driver: RuntimeDriver
  readonly node: RegisteredNode
  /** Another controller of the same platform, which remembers nothing. */
  restarted(): RuntimeDriver
  /** Another platform on the same engine. */
  otherPlatform(): RuntimeDriver
  /** A controller of this platform that is killed between creating and starting a container. */
  dying(): RuntimeDriver
  /** A controller of this platform whose engine does not answer. */
  silenced(): RuntimeDriver
  /** An allocation with a new id; an `attempt` is ready when started, an `instance` when its doors answer. */
  spec(behaviour: Behaviour, purpose: 'attempt' | 'instance', rest?: Partial<AllocationSpec>): AllocationSpec
  readonly absentImage: string
  readonly behindOurBack: BehindOurBack
  /** A file under /run/gpuhour, as the allocation reads it. */
  fileInside(id: AllocationId, name: string): Promise<string>
  /** The environment of the allocation, as text. */
  environmentOf(id: AllocationId): Promise<string>
  limitsOf(
    id: AllocationId,
  ): Promise<{ readonly cpus: number; readonly memoryGib: number; readonly pids: number }>
  /** Whatever the machine still has of it: containers, networks, folders. */
  left(id: AllocationId): Promise<readonly string[]>
  /** Lets time pass. */
  pass(ms: number): Promise<void>
  /** Leaves the machine as it was. */
  close(): Promise<void>
}

/** A signal that is never given. */
export const never = new AbortController().signal
/** Polls of an observation before the suite gives up: half a minute where time is real. */
export const polls = 600
/** The pause between two. */
export const pollMs = 50

/** What is seen of an allocation now; null where it is absent. */
export async function factOf(
  harness: Harness,
  id: AllocationId,
  driver = harness.driver,
): Promise<AllocationFact | null> {
  const [seen] = await driver.observe([harness.node], never)
  assert.ok(seen?.answered, 'the node answers')
  return seen.facts.find((fact) => fact.id === id) ?? null
}

type Seen = AllocationFact['seen']
type FactOf<S extends Seen> = Extract<AllocationFact, { seen: S }>

/** Waits until it is seen so. */
export async function until<S extends Seen>(
  harness: Harness,
  id: AllocationId,
  seen: S,
  driver = harness.driver,
) {
  let fact: AllocationFact | null = null
  for (let poll = 0; poll < polls; poll += 1) {
    fact = await factOf(harness, id, driver)
    // The comparison above the cast is what the cast says.
    if (fact?.seen === seen) return fact as FactOf<S>
    await harness.pass(pollMs)
  }
  return assert.fail(`${id} was not seen ${seen} but ${JSON.stringify(fact)}`)
}

/** Waits until it has printed something: its command is there. */
export async function untilItSpoke(harness: Harness, id: AllocationId): Promise<void> {
  for (let poll = 0; poll < polls; poll += 1) {
    for await (const _ of harness.driver.logs(id, 'start', never)) return
    await harness.pass(pollMs)
  }
  assert.fail(`${id} printed nothing`)
}

/** Waits until nothing of it is seen. */
export async function untilAbsent(harness: Harness, id: AllocationId): Promise<void> {
  for (let poll = 0; poll < polls; poll += 1) {
    if ((await factOf(harness, id)) === null) return
    await harness.pass(pollMs)
  }
  assert.fail(`${id} is still seen`)
}

/** The harness, once it is made. */
export type Given = () => Harness

/** Runs the story with a new allocation and removes it whatever happens. */
export function story(
  given: Given,
  title: string,
  behaviour: Behaviour,
  purpose: 'attempt' | 'instance',
  tell: (harness: Harness, spec: AllocationSpec) => Promise<void>,
  rest: Partial<AllocationSpec> = {},
): void {
  it(title, async () => {
    const harness = given()
    const spec = harness.spec(behaviour, purpose, rest)
    try {
      await tell(harness, spec)
    } finally {
      await harness.driver.remove(spec.id, never)
    }
    assert.deepEqual(await harness.left(spec.id), [], 'nothing of it is left')
  })
}

/** What most stories need. */
export const runs: Behaviour = { does: 'run' }
