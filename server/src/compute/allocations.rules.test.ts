import assert from 'node:assert/strict'
import { test } from 'node:test'
import { instant } from '../kernel/time.ts'
import { type Finding, findingsOf, type Look, type Watched } from './allocations.rules.ts'

/*
 * The observer's law as a page (house.md §5 and §6). Seconds since the allocation was made; the last sighting
 * was at 100. Columns: what for, state, facts (R ever ready, O a spell is open since 10, C closed for good, S
 * a silence is told, E its end is recorded, D it has devices, - nothing seen yet), the look, when it was
 * asked → what is written.
 */
const table = `
instance | preparing | - | absent | 101 | nothing
instance | preparing | - | preparing | 101 | nothing
instance | preparing | - | starting 5 | 101 | started; sighted 101
instance | preparing | - | ready 5 | 101 | started; ready now; sighted 101; → seen_ready
instance | preparing | | ready 5 | 101 | ready now; sighted 101; → seen_ready
instance | preparing | | ended 5 101 1 | 102 | exited 101; ended; → seen_ended
instance | preparing | | absent | 102 | exited 100; ended; → seen_ended
instance | preparing | D | ended 5 101 69 | 102 | exited 101; ended; → prepare_failed
instance | preparing | | ended 5 101 69 | 102 | exited 101; ended; → seen_ended
instance | preparing | - | failed | 102 | → prepare_failed
instance | preparing | | silent | 900 | nothing
instance | running | RO | ready 5 | 101 | sighted 101
instance | running | RO | starting 5 | 101 | sighted 101
instance | running | RO | ready 5 | 160 | sighted 160
instance | running | RO | ready 5 | 161 | lost 100; silence; → lost; seen_again; sighted 161; → seen_ready
instance | running | RO | silent | 160 | nothing
instance | running | RO | silent | 161 | lost 100; silence; → lost
instance | running | RO | paused 5 | 130 | nothing
instance | running | RO | paused 5 | 161 | lost 100; silence; → lost
instance | running | RO | absent | 102 | exited 100; ended; → seen_ended
instance | running | RO | ended 5 101 0 | 102 | exited 101; ended; → seen_ended
instance | running | RO | ended 5 90 0 | 102 | exited 100; ended; → seen_ended
instance | running | RO | ended 5 400 0 | 102 | exited 100; ended; → seen_ended
instance | running | RO | ended 5 150 0 | 200 | lost 100; silence; → lost; exited 150; ended; → seen_ended
instance | running | RO | ready 77 | 102 | exited 100; ended; → seen_ended
instance | unreachable | RS | silent | 900 | nothing
instance | unreachable | RS | ready 5 | 900 | seen_again; sighted 900; → seen_ready
instance | unreachable | RSC | ready 5 | 900 | sighted 900; → seen_ready
instance | unreachable | RS | ended 5 300 0 | 900 | exited 300; ended; → seen_ended
instance | stopping | RC | ready 5 | 101 | sighted 101
instance | stopping | RC | silent | 161 | lost 100; silence
instance | stopping | RCS | silent | 900 | nothing
instance | stopping | RC | ready 5 | 161 | lost 100; silence; sighted 161
instance | stopping | C | silent | 161 | nothing
instance | stopping | RC | ended 5 101 143 | 102 | exited 101; ended; → seen_ended
instance | stopping | RCE | ended 5 101 143 | 103 | nothing
instance | stopping | RCE | absent | 103 | nothing
attempt | preparing | - | ready 101 | 102 | started; ready now; sighted 102; → seen_ready
attempt | preparing | - | ended 98 101 3 | 102 | started; ready 98; exited 101; ended; → seen_ended
attempt | preparing | - | ended 20 101 3 | 102 | started; ready 42; exited 101; ended; → seen_ended
attempt | preparing | -D | ended 98 101 69 | 102 | exited 101; ended; → prepare_failed
attempt | preparing | - | ended 98 101 69 | 102 | started; ready 98; exited 101; ended; → seen_ended
attempt | preparing | | absent | 102 | started; ready 42; exited 42; ended; → seen_ended
attempt | preparing | - | ended 98 101 3 | 200 | started; ready 140; exited 140; ended; → seen_ended
`

const madeAt = 1_000_000_000
const second = (count: number) => instant(madeAt + count * 1000)

function lookOf(words: string): Look {
  const [kind = '', ...numbers] = words.split(' ')
  const [started = 0, ended = 0, exitCode = 0] = numbers.map(Number)
  const exit = { exitCode, signal: exitCode === 143 ? 'TERM' : null, outOfMemory: false }
  switch (kind) {
    case 'silent':
    case 'absent':
      return { kind }
    case 'preparing':
      return { kind, startedAt: null }
    case 'starting':
      return { kind: 'preparing', startedAt: second(started) }
    case 'ready':
    case 'paused':
      return { kind, startedAt: second(started) }
    case 'failed':
      return { kind: 'ended', startedAt: null, endedAt: second(0), ...exit }
    default:
      return { kind: 'ended', startedAt: second(started), endedAt: second(ended), ...exit }
  }
}

/** The table's short word for the longest one. */
function shortly(word: string): string {
  return word.replace('contact_lost', 'lost')
}

function sayFinding(finding: Finding): string {
  const since = (at: number | 'now') => (at === 'now' ? 'now' : String((at - madeAt) / 1000))
  switch (finding.write) {
    case 'usage':
      return finding.event.type === 'seen_again'
        ? 'seen_again'
        : `${shortly(finding.event.type)} ${since(finding.event.at)}`
    case 'event':
      return `→ ${shortly(finding.event)}`
    case 'sighting':
      return `sighted ${since(finding.at)}`
    case 'silence':
      return 'silence'
    default:
      return finding.write
  }
}

const rows = table.trim().split('\n')

for (const row of rows) {
  const [purpose = '', state = '', facts = '', look = '', asked = '', answer = ''] = row
    .split('|')
    .map((cell) => cell.trim())
  test(`${purpose} ${state} ${facts}: ${look} at ${asked}`, () => {
    const isNew = facts.includes('-')
    // The table's own words name the two purposes and the four live states.
    const watched: Watched = {
      purpose: purpose as Watched['purpose'],
      state: state as Watched['state'],
      closedForGood: facts.includes('C'),
      everReady: facts.includes('R'),
      openSince: facts.includes('O') ? second(10) : null,
      allocatedAt: second(0),
      lastSeenAt: isNew ? null : second(100),
      nodeStartedAt: isNew ? null : second(5),
      silentSince: facts.includes('S') ? second(100) : null,
      hasEnded: facts.includes('E'),
      hasDevices: facts.includes('D'),
    }
    const now = second(Number(asked))
    const findings = findingsOf(watched, lookOf(look), {
      askedAt: now,
      answeredAt: now,
      nodeNow: now,
      nodeSeenAt: second(100),
      now,
    })
    assert.equal(findings.map(sayFinding).join('; ') || 'nothing', answer)
  })
}

test("an end is dated by our clock: the node's reading is moved by the difference of the clocks", () => {
  const watched: Watched = {
    ...{
      purpose: 'instance',
      state: 'running',
      closedForGood: false,
      everReady: true,
      openSince: second(10),
    },
    ...{ allocatedAt: second(0), lastSeenAt: second(100), nodeStartedAt: second(5), silentSince: null },
    ...{ hasEnded: false, hasDevices: false },
  }
  const ended = lookOf('ended 5 601 0')
  const times = {
    ...{ askedAt: second(102), answeredAt: second(103) },
    ...{ nodeNow: second(602), nodeSeenAt: second(100), now: second(103) },
  }
  assert.equal(
    findingsOf(watched, ended, times).map(sayFinding).join('; '),
    'exited 101; ended; → seen_ended',
  )
})

test('an answer that took its time makes a start later and an end earlier, never the other way round', () => {
  const watched: Watched = {
    ...{ purpose: 'attempt', state: 'preparing', closedForGood: false, everReady: false, openSince: null },
    ...{ allocatedAt: second(0), lastSeenAt: null, nodeStartedAt: null, silentSince: null },
    ...{ hasEnded: false, hasDevices: false },
  }
  const times = {
    ...{ askedAt: second(100), answeredAt: second(103) },
    ...{ nodeNow: second(101), nodeSeenAt: second(99), now: second(104) },
  }
  assert.equal(
    findingsOf(watched, lookOf('ended 80 90 0'), times).map(sayFinding).join('; '),
    'started; ready 82; exited 89; ended; → seen_ended',
  )
})
