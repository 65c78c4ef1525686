import assert from 'node:assert/strict'
import { test } from 'node:test'
import { instant } from '../kernel/time.ts'
import { type Exit, findingsOf, isCleanExit, type Look, type Watched } from './allocations.rules.ts'
import { isLive, type Life, type LifecycleEvent, stepInstance } from './rules.ts'

/*
 * The breadth-first walk of house.md §6: every configuration that requests, loops, the container, its node
 * and the operator can reach together, with the usage events they lead to. It runs on the functions that
 * production runs.
 */

interface Configuration {
  readonly life: Life
  readonly container: 'none' | 'started' | 'paused' | 'ended' | 'failed'
  readonly nodeStarted: boolean
  readonly everReady: boolean
  readonly open: boolean
  readonly closed: boolean
  readonly sighted: boolean
  readonly silenceTold: boolean
  readonly hasEnded: boolean
  readonly cleaned: boolean
}

const fresh: Configuration = {
  life: { intent: 'running', state: 'queued', outcome: null, elsewhereCount: 0, exitedCleanly: false },
  container: 'none',
  nodeStarted: false,
  everReady: false,
  open: false,
  closed: false,
  sighted: false,
  silenceTold: false,
  hasEnded: false,
  cleaned: false,
}

const anomalies: string[] = []

function step(
  at: Configuration,
  event: LifecycleEvent,
  context: Parameters<typeof stepInstance>[2] = {},
): Configuration {
  const result = stepInstance(at.life, event, { closedForGood: at.closed, ...context })
  if (result.kind === 'anomaly') anomalies.push(`${event} in ${JSON.stringify(at)}`)
  if (result.kind !== 'moved') return at
  const next = { ...at, life: result.life }
  // A release ends everything that was known of the allocation.
  return isLive(next.life.state) ? next : { ...fresh, life: next.life }
}

function closeForGood(at: Configuration): Configuration {
  return { ...at, open: false, closed: true }
}

const start = instant(1_000_000)

/** `isUsedUp`: where a gap is told, the money of the lease turns out not to reach to the last sighting. */
function look(at: Configuration, seen: Look, afterMs: number, isUsedUp = false): Configuration {
  if (!isLive(at.life.state)) return at
  const watched: Watched = {
    purpose: 'instance',
    // Live states only: the line above returned for the others.
    state: at.life.state as Watched['state'],
    closedForGood: at.closed,
    everReady: at.everReady,
    openSince: at.open ? start : null,
    allocatedAt: start,
    lastSeenAt: at.sighted ? start : null,
    nodeStartedAt: at.nodeStarted ? start : null,
    silentSince: at.silenceTold ? start : null,
    hasEnded: at.hasEnded,
    hasDevices: true,
  }
  const now = instant(start + afterMs)
  const findings = findingsOf(watched, seen, {
    askedAt: now,
    answeredAt: now,
    nodeNow: now,
    nodeSeenAt: start,
    now,
  })
  const closedBefore = at.closed
  let next = at
  for (const finding of findings) {
    switch (finding.write) {
      case 'sighting':
        next = { ...next, sighted: true, silenceTold: false }
        break
      case 'silence':
        next = { ...next, silenceTold: true }
        break
      case 'started':
        next = { ...next, nodeStarted: true }
        break
      case 'ended':
        next = { ...next, hasEnded: true }
        break
      case 'usage':
        if (finding.event.type === 'exited') next = closeForGood(next)
        else if (finding.event.type === 'contact_lost' && !isUsedUp) next = { ...next, open: false }
        else if (finding.event.type === 'contact_lost') {
          next = closeForGood(next)
          if (next.life.state === 'running') next = step(next, 'stop_requested', { closedForGood: false })
        } else if (!next.closed) next = { ...next, open: true, everReady: true }
        break
      case 'event':
        next = step(next, finding.event, {
          closedForGood: closedBefore,
          elsewhere: finding.elsewhere ?? false,
          exitedCleanly: finding.exit ? isCleanExit(finding.exit, at.life.state === 'stopping') : false,
        })
    }
  }
  return next
}

function seen(at: Configuration, exit: Exit): Look {
  switch (at.container) {
    case 'none':
      return { kind: 'absent' }
    case 'started':
      return { kind: 'ready', startedAt: start }
    case 'paused':
      return { kind: 'paused', startedAt: start }
    case 'ended':
      return { kind: 'ended', startedAt: start, endedAt: start, ...exit }
    case 'failed':
      return { kind: 'ended', startedAt: null, endedAt: start, ...exit }
  }
}

const exits = [
  { exitCode: 0, signal: null, outOfMemory: false },
  { exitCode: 1, signal: null, outOfMemory: false },
  { exitCode: 69, signal: null, outOfMemory: false },
] as const satisfies readonly Exit[]

function asked(at: Configuration): readonly Configuration[] {
  const { state, intent } = at.life
  const live = state === 'preparing' || state === 'running' || state === 'unreachable'
  const stopped = live && intent !== 'deleted' ? closeForGood(at) : at
  return [
    step(at, 'start_requested'),
    step(stopped, 'stop_requested', { closedForGood: at.closed }),
    step(stopped, 'delete_requested', { closedForGood: at.closed }),
  ]
}

function loops(at: Configuration): readonly Configuration[] {
  const { state } = at.life
  const next: Configuration[] = []
  if (state === 'queued') next.push(step(at, 'allocated'), step(at, 'refused_for_good'))
  if (state === 'preparing') {
    next.push(
      step(at, 'prepare_failed', { elsewhere: true }),
      step(at, 'prepare_failed', { elsewhere: false }),
    )
    if (at.container === 'none' && !at.nodeStarted)
      next.push({ ...at, container: 'started' }, { ...at, container: 'failed' })
  }
  if (state === 'running') next.push(step(closeForGood(at), 'stop_requested', { closedForGood: false }))
  if (state === 'stopping') {
    if (at.container === 'started' || at.container === 'paused') next.push({ ...at, container: 'ended' })
    const mayGo = at.hasEnded || !at.nodeStarted
    if (mayGo) next.push({ ...at, container: 'none', cleaned: true })
    if (at.cleaned && at.container === 'none')
      next.push(step(closeForGood(at), 'released', { closedForGood: at.closed }))
  }
  if (state === 'deleting') next.push(step(at, 'purged'))
  return next
}

function world(at: Configuration): readonly Configuration[] {
  const next: Configuration[] = []
  if (at.container === 'started')
    next.push({ ...at, container: 'ended' }, { ...at, container: 'paused' }, { ...at, container: 'none' })
  if (at.container === 'paused') next.push({ ...at, container: 'started' }, { ...at, container: 'none' })
  if (at.container === 'ended') next.push({ ...at, container: 'none' })
  if (isLive(at.life.state)) {
    for (const exit of exits)
      for (const afterMs of [1000, 100_000]) next.push(look(at, seen(at, exit), afterMs))
    next.push(look(at, seen(at, exits[0]), 100_000, true), look(at, { kind: 'silent' }, 100_000, true))
    next.push(look(at, { kind: 'silent' }, 100_000), look(at, { kind: 'preparing', startedAt: null }, 1000))
    if (at.container === 'started') next.push(look(at, { kind: 'preparing', startedAt: start }, 1000))
    // Another process in its place: the engine or somebody started it again.
    if (at.container === 'started')
      next.push(look(at, { kind: 'ready', startedAt: instant(start + 5) }, 1000))
    // The operator: a fault on a device, a node fenced (what is on it then counts as gone).
    next.push(step(closeForGood(at), 'fault_found', { closedForGood: at.closed }))
    next.push(step(closeForGood({ ...at, container: 'none' }), 'released', { closedForGood: at.closed }))
  }
  return next
}

function walk(): ReadonlyMap<string, { at: Configuration; next: readonly string[] }> {
  const reached = new Map<string, { at: Configuration; next: readonly string[] }>()
  const queue: Configuration[] = [fresh]
  for (let at = queue.shift(); at; at = queue.shift()) {
    const key = JSON.stringify(at)
    if (reached.has(key)) continue
    const next = [...asked(at), ...loops(at), ...world(at)]
    reached.set(key, { at, next: next.map((one) => JSON.stringify(one)) })
    queue.push(...next)
  }
  return reached
}

test('every reachable configuration keeps the promises of the lifecycle', () => {
  const reached = walk()
  assert.deepEqual(anomalies.slice(0, 3), [], 'no cell that cannot happen is reached')
  for (const [key, { at }] of reached) {
    assert.equal(at.open, at.life.state === 'running', `a spell is open exactly while running: ${key}`)
    assert.ok(!(at.life.state === 'running' && at.closed), `no running instance whose bill is closed: ${key}`)
    assert.ok(
      at.container === 'none' || isLive(at.life.state),
      `no container without a live allocation: ${key}`,
    )
  }
  assert.ok(reached.size > 300, `the walk is no short one: ${reached.size} configurations`)
})

test('from everywhere there is a way to deleted', () => {
  const reached = walk()
  const before = new Map<string, string[]>()
  for (const [key, { next }] of reached)
    for (const one of next) before.set(one, [...(before.get(one) ?? []), key])
  const ends = [...reached.keys()].filter((key) => reached.get(key)?.at.life.state === 'deleted')
  const canEnd = new Set(ends)
  for (const queue = [...ends]; queue.length > 0;) {
    for (const one of before.get(queue.pop() ?? '') ?? [])
      if (!canEnd.has(one)) {
        canEnd.add(one)
        queue.push(one)
      }
  }
  const stuck = [...reached.keys()].filter((key) => !canEnd.has(key))
  assert.deepEqual(stuck.slice(0, 3), [])
})
