import type { Offers } from '@gpuhour/sdk/contract'
import { Text } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import { Money } from '../ui/money.tsx'
import { cents } from '../ui/money.ts'
import { Rate } from './live_money.tsx'

/** Thirty days, by which people compare prices of storage. */
const monthHours = 720n

/** What so many GiB cost an hour, and in thirty days. */
export function StoragePrice({ offers, gib }: { offers: Offers; gib: number }) {
  const { t } = useTranslation()
  const nanosPerHour = BigInt(offers.volumeNanosPerGibHour) * BigInt(gib)
  return (
    <Text component="div" c="dimmed">
      <Rate nanos={nanosPerHour} currency={offers.currency} />
      {' · '}
      <Money nanos={nanosPerHour * monthHours} currency={offers.currency} decimals={cents} />{' '}
      {t('money.per30Days')}
    </Text>
  )
}
