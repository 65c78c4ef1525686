import type { Evidence, TrueHappening } from './evidence.ts'

/** What ran, from when to when. */
interface Ran {
  readonly allocation: string
  readonly subject: string
  readonly node: string
  readonly devices: readonly string[]
  readonly from: number
  readonly to: number
}

const ends = new Set(['ended', 'vanished', 'removed'])

/** What truly ran, by the world's own log. */
function ranOf({ happenings, endedAt }: Evidence): readonly Ran[] {
  const ran: Ran[] = []
  const open = new Map<string, TrueHappening>()
  const close = (began: TrueHappening, to: number): void => {
    const { allocation, subject, node, devices, at } = began
    ran.push({ allocation: allocation ?? '', subject: subject ?? '', node, devices, from: at, to })
  }
  for (const happening of happenings.toSorted((a, b) => a.at - b.at)) {
    const { allocation, what, at } = happening
    if (allocation === null) continue
    const began = open.get(allocation)
    if (began && (ends.has(what) || what === 'started')) {
      close(began, at)
      open.delete(allocation)
    }
    if (what === 'started') open.set(allocation, happening)
  }
  for (const began of open.values()) close(began, endedAt)
  return ran
}

/** One machine for each customer's thing, one customer for each device, and nothing left behind. */
export function worldFindings(evidence: Evidence): readonly string[] {
  const findings = evidence.left.map((id) => `the container of ${id} was left behind`)
  const echoed = new Set(
    evidence.happenings.flatMap(({ what, at, allocation }) => {
      const isEcho = what === 'made' && evidence.echoes.some(({ from, to }) => at >= from && at <= to)
      return isEcho && allocation ? [allocation] : []
    }),
  )
  // A command that arrives late may make what is no longer wanted; it is ended, and nobody pays for it.
  const ran = ranOf(evidence).filter(({ allocation }) => !echoed.has(allocation))
  for (const [index, one] of ran.entries()) {
    for (const other of ran.slice(0, index)) {
      const meet = one.from < other.to && other.from < one.to
      if (!meet || one.allocation === other.allocation) continue
      if (one.subject === other.subject) findings.push(`${one.subject} ran twice at once`)
      const shared = one.devices.find((device) => one.node === other.node && other.devices.includes(device))
      if (shared) findings.push(`${shared} was given to ${one.allocation} and ${other.allocation}`)
    }
  }
  return findings
}
