import { Code } from '@mantine/core'
import { IconAlertTriangle } from '@tabler/icons-react'
import { useTranslation } from 'react-i18next'
import { Link } from 'react-router'
import { paths } from '../paths.ts'
import { Notice } from '../ui/notice.tsx'
import { When } from '../ui/when.tsx'
import { api, keys, pollMs } from './api.ts'
import { useList, useNow } from './queries.ts'

/** Money that came and was not credited, for the operator; nothing where there is none. */
export function PaymentTroubles() {
  const { t } = useTranslation()
  const now = useNow(60_000)
  const { data: troubles = [] } = useList(
    keys.paymentTroubles,
    (page, signal) => api.listPaymentTroubles({ query: page }, { signal }),
    { everyMs: pollMs.calm, limit: 20 },
  )
  if (troubles.length === 0) return null
  return (
    <Notice tone="warn" icon={<IconAlertTriangle size={20} />} title={t('payments.troubles')}>
      {t('payments.troublesText')}
      {troubles.map(({ at, payment, about, detail }) => (
        <div key={`${at} ${about}`} style={{ marginTop: 8 }}>
          {payment === null ? (
            <Code translate="no">{about}</Code>
          ) : (
            <Link to={paths.payment(payment)}>{t('payments.payment')}</Link>
          )}{' '}
          <span className="soft">
            <When at={at} now={now} />
          </span>
          <div lang="en">{detail}</div>
        </div>
      ))}
    </Notice>
  )
}
