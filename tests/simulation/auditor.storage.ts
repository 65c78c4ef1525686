import type { Bill, BillEvent } from './bill.ts'
import { byResource } from './auditor.money.ts'
import type { Ask, Evidence, Pass } from './evidence.ts'

function inside({ from, to }: { readonly from: number; readonly to: number }, at: number): boolean {
  return at >= from && at <= to
}

/**
 * Volumes are paid from when the storage made them until their deletion was accepted, at the size that was
 * asked for.
 */
export function storageFindings(bills: readonly Bill[], evidence: Evidence): readonly string[] {
  const findings: string[] = []
  const shown = new Map<string, readonly BillEvent[]>()
  for (const bill of bills)
    for (const [resource, events] of byResource(bill))
      if (events[0]?.type === 'created') shown.set(resource, events)
  for (const [volume, events] of shown) findings.push(...volumeFindings(volume, events, evidence))
  for (const { volume, at } of evidence.storage.filter(({ what }) => what === 'create')) {
    if (shown.has(volume)) continue
    const isDeleted = deletions(volume, evidence).some(({ to }) => to <= at + 1)
    const isWhole = passesAt(evidence, at).every((pass) => pass.isWhole)
    const asked = deletions(volume, evidence)
    if (isWhole && !isDeleted && asked.length === 0) findings.push(`${volume} was made and is on no bill`)
  }
  return findings
}

/** The passes of an instant: more than one where a command of one was on its way. */
function passesAt({ passes }: Evidence, at: number): readonly Pass[] {
  return passes.filter((pass) => inside(pass, at))
}

/** What was asked for that deletes a volume: itself, or the instance whose home it is. */
function deletions(volume: string, { asks }: Evidence): readonly Ask[] {
  const owners = asks.filter(({ home }) => home === volume).map(({ subject }) => subject)
  return asks.filter(({ kind, subject, answer }) => {
    if (answer === 'refused') return false
    return (kind === 'delete' && owners.includes(subject)) || (kind === 'delete volume' && subject === volume)
  })
}

function volumeFindings(volume: string, events: readonly BillEvent[], evidence: Evidence): readonly string[] {
  const findings: string[] = []
  const doings = evidence.storage.filter((doing) => doing.volume === volume && doing.what === 'create')
  const [created] = events
  const asked = evidence.asks.find((ask) => ask.subject === volume || ask.home === volume)
  const pass =
    created &&
    passesAt(evidence, created.at).find((one) => doings.some(({ at }) => inside(one, at) && at <= created.at))
  if (!pass) findings.push(`${volume} is paid from when nobody made it`)
  // Before that pass, no whole one has made it.
  const earlier = doings.find(
    ({ at }) => at < (pass?.from ?? 0) && passesAt(evidence, at).every((one) => one.isWhole),
  )
  if (earlier) findings.push(`${volume} was made at ${earlier.at} and is paid from ${created?.at}`)
  if (created && asked && created.data['sizeGib'] !== sizeAt(volume, created.at, evidence))
    findings.push(`${volume} is paid at ${String(created.data['sizeGib'])} GiB`)
  for (const event of events.filter(({ type }) => type === 'resized')) {
    const ask = evidence.asks.find(
      (one) => one.subject === volume && one.kind === 'grow volume' && inside(one, event.at),
    )
    if (!ask || ask.answer === 'refused' || ask.sizeGib !== event.data['sizeGib'])
      findings.push(`${volume} was resized, and nobody asked for it`)
  }
  const asks = deletions(volume, evidence)
  const deleted = events.find(({ type }) => type === 'deleted')
  const first = asks.find(({ answer }) => answer === 'accepted')
  if (deleted && !asks.some((ask) => inside(ask, deleted.at)))
    findings.push(`${volume} was deleted, and nobody asked for it`)
  if (first && !(deleted && deleted.at <= first.to))
    findings.push(`${volume} is paid after its deletion was accepted`)
  if (!deleted) findings.push(`${volume} is paid for ever`)
  return findings
}

/** The size that a volume was asked to have by an instant. */
function sizeAt(volume: string, at: number, { asks }: Evidence): number | null {
  const sizes = asks.filter(({ kind, subject, home, answer, to }) => {
    if (answer === 'refused' || to > at) return false
    return (
      (kind === 'launch' && home === volume) ||
      (subject === volume && (kind === 'make volume' || kind === 'grow volume'))
    )
  })
  return sizes.at(-1)?.sizeGib ?? null
}
