import type { Instance, Run, Waiting } from '@gpuhour/sdk/contract'
import { amount, size } from './shown.ts'

function bytesText(done: number | null, total: number | null): string {
  if (done === null) return ''
  return total === null ? ` ${size(done)}` : ` ${size(done)} of ${size(total)}`
}

function waitingText(waiting: Waiting): string {
  const { reason, position, build } = waiting
  if (reason === 'image_building') {
    if (!build) return 'queued: its image is being built'
    const steps = build.steps > 0 ? `, step ${build.step} of ${build.steps}` : ''
    return `queued: ${build.image} is ${build.state}${steps}${bytesText(build.bytesDone, build.bytesTotal)}`
  }
  if (reason === 'backing_off')
    return `queued: several starts failed, the next is at ${waiting.notBefore ?? 'once'}`
  if (reason === 'no_node') return 'queued: no machine that takes anything now could carry it'
  if (reason === 'volume_in_use') return 'queued: its volume is still in use'
  return position === null ? 'queued' : `queued: number ${position} in the line`
}

/** The rung on which it stands, and whether it is paid: one line that changes when something does. */
export function rungOf(subject: Instance | Run): string {
  const { state, waiting, allocation, cost } = subject
  if (state === 'queued') return `${waiting ? waitingText(waiting) : 'queued'} · free`
  if (state === 'preparing') {
    const bytes = allocation ? bytesText(allocation.bytesDone, allocation.bytesTotal) : ''
    const stage = allocation?.stage ?? 'preparing'
    return `${stage}${bytes}${allocation ? ` on ${allocation.node}` : ''} · free`
  }
  if (state === 'running') return `running · ${amount(cost.nanosPerHour, cost.currency)} an hour`
  if (state === 'unreachable') return 'unreachable: its machine does not answer · free'
  return `${state} · free`
}

/** The words of the journal for a stop, said to a person; other reasons are sentences already. */
const stopReasons: Readonly<Record<string, string>> = {
  customer: 'it was asked to stop',
  operator: 'the operator stopped it',
  idle: 'it was idle',
  schedule: 'its time was over',
  time_limit: 'its time limit was reached',
}

/** Why it ended, in words; null where there is nothing to say. */
export function endingText({ ending }: Instance | Run): string | null {
  if (!ending) return null
  if (ending.outOfMemory) return 'it needed more memory than its flavor has'
  if (ending.reason) return stopReasons[ending.reason] ?? ending.reason
  if (ending.signal) return `it was ended by ${ending.signal}`
  return ending.exitCode === null ? null : `it ended with exit code ${ending.exitCode}`
}
