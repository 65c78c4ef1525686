import { useTranslation } from 'react-i18next'
import { Mark } from '../ui/marks.tsx'
import type { StreamState } from './follow.ts'

/** Says when what is shown may be old. Silent while all is well. */
export function StreamNote({ state }: { state: StreamState }) {
  const { t } = useTranslation()
  return (
    <span role="status" className="soft">
      {state === 'lost' ? <Mark tone="warn">{t('stream.lost')}</Mark> : null}
    </span>
  )
}
