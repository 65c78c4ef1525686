import type { Payment } from '@gpuhour/sdk/contract'
import { Tooltip } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import { Mark } from '../ui/marks.tsx'
import { toneOfPayment } from './top_up.ts'

/** A payment's state in a word, and on hover what it means. */
export function PaymentMark({ state }: { state: Payment['state'] }) {
  const { t } = useTranslation()
  return (
    <Tooltip label={t(`payments.means.${state}`)} multiline maw={320}>
      <span>
        <Mark tone={toneOfPayment[state]}>{t(`payments.state.${state}`)}</Mark>
      </span>
    </Tooltip>
  )
}
