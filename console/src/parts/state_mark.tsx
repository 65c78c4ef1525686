import type { InstanceState, RunState } from '@gpuhour/sdk/contract'
import { Tooltip } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import { Mark, type Tone } from '../ui/marks.tsx'

/** How a state looks. */
export const toneOf: Readonly<Record<InstanceState | RunState, Tone>> = {
  queued: 'busy',
  preparing: 'busy',
  running: 'good',
  unreachable: 'warn',
  stopping: 'busy',
  stopped: 'quiet',
  failed: 'bad',
  deleting: 'busy',
  deleted: 'quiet',
  succeeded: 'good',
  canceled: 'quiet',
  timed_out: 'warn',
}

/** A state in a word, and on hover what it means for the bill. */
export function StateMark({ state }: { state: InstanceState | RunState }) {
  const { t } = useTranslation()
  return (
    <Tooltip label={t(`stateMeans.${state}`)}>
      <span>
        <Mark tone={toneOf[state]}>{t(`state.${state}`)}</Mark>
      </span>
    </Tooltip>
  )
}
