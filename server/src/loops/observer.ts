import type { Look } from '../compute/allocations.rules.ts'
import { silenceMs } from '../compute/allocations.rules.ts'
import { upsertRoute } from '../compute/compute.ts'
import type { AllocationId } from '../kernel/ids.ts'
import type { Instant } from '../kernel/time.ts'
import { tellNode } from '../placement/nodes.ts'
import * as placement from '../placement/placement.ts'
import type { AllocationFact, NodeObservation, RuntimeDriver } from '../runtime/driver.ts'
import type { Store, Tx } from '../store/store.ts'
import { type Loop, type PassReport, Troubles } from './loop.ts'
import { isInstance, learn, type Living, living, recordReleased } from './subjects.ts'
import type { World } from './world.ts'

/** Looks at every node, and writes what it learned. */
export function makeObserver(store: Store, driver: RuntimeDriver, world: World): Loop {
  return {
    name: 'observer',
    everyMs: 1000,
    async pass(signal): Promise<PassReport> {
      const before = await store.read(async (tx) => ({
        nodes: await placement.nodesOf(tx, driver.name),
        registered: await placement.registeredNodes(tx, driver.name),
        // Our clock before the question is put: what a sighting is dated by.
        askedAt: await tx.now(),
      }))
      const observations = await driver.observe(before.registered, signal)
      const after = await store.read(async (tx) => ({
        live: await placement.liveAllocations(tx),
        subjects: await living(tx),
        answeredAt: await tx.now(),
      }))
      // Of what nobody asks any more nothing is to be removed.
      for (const [id, node] of world.strangers)
        if (!before.registered.some((one) => one.id === node)) world.strangers.delete(id)
      const counts = { nodes: 0, silent: 0, allocations: 0, learned: 0 }
      const troubles = new Troubles()
      for (const observation of observations) {
        const node = before.nodes.find(({ id }) => id === observation.node)
        const mine = after.live.filter((one) => one.node === observation.node)
        const { subjects, answeredAt } = after
        const look = { ...before, answeredAt, nodeSeenAt: node?.seenAt ?? null, subjects, troubles }
        counts.nodes += 1
        counts.allocations += mine.length
        if (!observation.answered) counts.silent += 1
        await troubles.spare(async () => {
          counts.learned += await lookAt(store, world, observation, mine, look)
        })
      }
      troubles.report('observing failed')
      return counts
    },
  }
}

interface Asked {
  readonly askedAt: Instant
  readonly answeredAt: Instant
  readonly nodeSeenAt: Instant | null
  readonly subjects: ReadonlyMap<AllocationId, Living>
  readonly troubles: Troubles
}

/** Applies one node's answer, or its silence; answers how many allocations had news. */
async function lookAt(
  store: Store,
  world: World,
  observation: NodeObservation,
  mine: readonly placement.AllocationRow[],
  asked: Asked,
): Promise<number> {
  const { askedAt, answeredAt, nodeSeenAt } = asked
  const nodeNow = observation.answered ? observation.nodeNow : askedAt
  const times = { askedAt, answeredAt, nodeNow, nodeSeenAt }
  const facts = new Map(observation.answered ? observation.facts.map((fact) => [fact.id, fact]) : [])
  const sighted: AllocationId[] = []
  let learned = 0
  for (const allocation of mine) {
    const subject = asked.subjects.get(allocation.id)
    if (!subject) continue
    const fact = facts.get(allocation.id)
    if (fact) noteEnd(world, fact, askedAt)
    const look = observation.answered ? lookOf(fact) : ({ kind: 'silent' } as const)
    if (isOnlySighting(allocation, subject, look, asked.askedAt)) {
      sighted.push(allocation.id)
      continue
    }
    if (!mayTell(allocation, look, asked.askedAt)) continue
    learned += 1
    await asked.troubles.spare(() =>
      store.transact(async (tx) => {
        const state = await learn(tx, subject, look, times)
        if (state === 'running') await openDoors(tx, subject, fact)
        if (state === 'preparing') await noteStage(tx, subject, fact)
      }),
    )
  }
  if (observation.answered) {
    const status = await store.transact(async (tx) => {
      // The node first, then its allocations: the order in which whoever fences it takes them.
      const seen = await placement.sawNode(tx, observation.node, observation.bootId, asked.askedAt)
      if (seen !== null) await placement.saw(tx, sighted, asked.askedAt)
      return seen
    })
    // Fenced while it was asked: what it answered is not heard.
    if (status === null) return learned
    await release(store, world, mine, facts, asked)
    const isClean = await noteStrangers(store, world, observation, mine)
    if (status === 'returning' && isClean)
      await store.transact((tx) => tellNode(tx, observation.node, 'seen_clean'))
  }
  return learned
}

/**
 * Remembers whether anything of an allocation will run any more. What had not started when it was asked to
 * end never will; but that command may have been lost, and then it is seen running.
 */
function noteEnd(world: World, fact: AllocationFact, askedAt: Instant): void {
  const haltedAt = world.halted.get(fact.id)
  const neverStarts =
    fact.seen === 'preparing' && fact.startedAt === null && haltedAt !== undefined && haltedAt <= askedAt
  if (fact.seen === 'ended' || neverStarts) world.ended.add(fact.id)
  else world.ended.delete(fact.id)
}

/** What the observer's law makes of a driver's fact. */
function lookOf(fact: AllocationFact | undefined): Look {
  if (!fact) return { kind: 'absent' }
  switch (fact.seen) {
    case 'preparing':
      return { kind: 'preparing', startedAt: fact.startedAt }
    case 'ready':
      return { kind: 'ready', startedAt: fact.startedAt }
    case 'paused':
      return { kind: 'paused', startedAt: fact.startedAt }
    case 'ended': {
      const { startedAt, endedAt, exitCode, signal, outOfMemory } = fact
      return { kind: 'ended', startedAt, endedAt, exitCode, signal, outOfMemory }
    }
  }
}

/** The usual case by far, for which nothing needs to be locked: it runs on, as it did a second ago. */
function isOnlySighting(
  allocation: placement.AllocationRow,
  subject: Living,
  look: Look,
  askedAt: Instant,
): boolean {
  if (subject.state !== 'running' || (look.kind !== 'ready' && look.kind !== 'preparing')) return false
  const { lastSeenAt, nodeStartedAt, silentSince } = allocation
  if (lastSeenAt === null || silentSince !== null || look.startedAt !== nodeStartedAt) return false
  return askedAt - lastSeenAt <= silenceMs
}

/** Whether a look can have anything to tell; false saves a transaction. */
function mayTell(allocation: placement.AllocationRow, look: Look, askedAt: Instant): boolean {
  if (look.kind === 'absent') return allocation.nodeStartedAt !== null && allocation.endedAt === null
  if (look.kind !== 'silent') return true
  const last = allocation.lastSeenAt
  return last !== null && allocation.silentSince === null && askedAt - last > silenceMs
}

/** Writes where the gateway finds a ready instance. */
async function openDoors(
  tx: Tx,
  { subject, allocation }: Living,
  fact: AllocationFact | undefined,
): Promise<void> {
  if (fact?.seen !== 'ready' || !isInstance(subject)) return
  let isNews = false
  for (const [port, door] of fact.doors)
    isNews =
      (await upsertRoute(tx, { subject, port, allocation, host: door.host, targetPort: door.port })) || isNews
  if (isNews) await tx.notify('routes', subject)
}

async function noteStage(
  tx: Tx,
  { subject, allocation }: Living,
  fact: AllocationFact | undefined,
): Promise<void> {
  if (fact?.seen !== 'preparing') return
  const { bytesDone, bytesTotal } = fact.progress
  const bytes = (count: number | null): bigint | null => (count === null ? null : BigInt(count))
  const isNews = await placement.sawStage(tx, allocation, fact.stage, bytes(bytesDone), bytes(bytesTotal))
  if (isNews) await tx.notify('compute', subject)
}

/** Absent on a node that answered, after everything of it was removed: nothing is left. */
async function release(
  store: Store,
  world: World,
  mine: readonly placement.AllocationRow[],
  facts: ReadonlyMap<AllocationId, AllocationFact>,
  asked: Asked,
): Promise<void> {
  for (const { id } of mine) {
    const subject = asked.subjects.get(id)
    const cleanedAt = world.cleaned.get(id)
    if (!subject || cleanedAt === undefined || cleanedAt > asked.askedAt) continue
    if (facts.has(id)) {
      // The command to remove it was lost on its way: it has to be asked for again.
      world.cleaned.delete(id)
      continue
    }
    await asked.troubles.spare(async () => {
      await store.transact((tx) => recordReleased(tx, subject, 'observer'))
      for (const known of [world.cleaned, world.ended, world.halted]) known.delete(id)
    })
  }
}

/**
 * What bears our name on a node and is not live there is to be ended and removed. Answers whether nothing is.
 */
async function noteStrangers(
  store: Store,
  world: World,
  observation: Extract<NodeObservation, { answered: true }>,
  mine: readonly placement.AllocationRow[],
): Promise<boolean> {
  const seen = observation.facts.map(({ id }) => id).filter((id) => !mine.some((one) => one.id === id))
  const { node } = observation
  for (const [id, at] of world.strangers) if (at === node && !seen.includes(id)) world.strangers.delete(id)
  if (seen.length === 0) return true
  // An allocation may have been made since: only what the record does not know as live is a stranger.
  const live = await store.read((tx) => placement.liveAllocationsOn(tx, node))
  const strange = seen.filter((id) => !live.some((one) => one.id === id))
  for (const id of seen) world.strangers.delete(id)
  for (const id of strange) world.strangers.set(id, node)
  return strange.length === 0
}
