import type { Usage } from '@gpuhour/sdk/contract'
import { IconClock } from '@tabler/icons-react'
import { useTranslation } from 'react-i18next'
import { Link } from 'react-router'
import { paths } from '../../paths.ts'
import { api, keys, pollMs } from '../../parts/api.ts'
import { BillingFrame } from '../../parts/billing_frame.tsx'
import { More } from '../../parts/more.tsx'
import { useList, useNow } from '../../parts/queries.ts'
import { useSession } from '../../parts/session.ts'
import { Shown } from '../../parts/shown.tsx'
import { Empty } from '../../ui/empty.tsx'
import { useLocale } from '../../ui/locale.ts'
import { Mark } from '../../ui/marks.tsx'
import { Money } from '../../ui/money.tsx'
import { Panel } from '../../ui/panel.tsx'
import { type Column, Table, TableSkeleton } from '../../ui/table.tsx'
import { durationText } from '../../ui/time.ts'
import { When } from '../../ui/when.tsx'

/** Every stretch of paid time. */
export function UsagePage() {
  const { t } = useTranslation()
  const { organization } = useSession()
  const query = useList(
    keys.usage(organization.id),
    (page, signal) => api.listUsage({ params: { organization: organization.id }, query: page }, { signal }),
    { everyMs: pollMs.calm },
  )
  return (
    <BillingFrame>
      <Panel title={t('billing.usage')} isFlush>
        <Shown query={query} skeleton={<TableSkeleton />} isFlush>
          {(usage) =>
            usage.length === 0 ? (
              <Empty
                icon={<IconClock size={36} stroke={1.4} />}
                title={t('usage.none')}
                text={t('usage.noneText')}
              />
            ) : (
              <>
                <UsageTable usage={usage} currency={organization.currency} />
                <More {...query} />
              </>
            )
          }
        </Shown>
      </Panel>
    </BillingFrame>
  )
}

function UsageTable({ usage, currency }: { usage: readonly Usage[]; currency: string }) {
  const { t } = useTranslation()
  const locale = useLocale()
  const now = useNow(30_000)
  const columns: Column<Usage>[] = [
    {
      head: t('billing.for'),
      cell: ({ subject, name }) => (
        <Link to={subject.startsWith('run_') ? paths.run(subject) : paths.instance(subject)}>{name}</Link>
      ),
    },
    { head: t('facts.flavor'), cell: ({ flavor }) => <span translate="no">{flavor}</span> },
    { head: t('usage.from'), cell: ({ from }) => <When at={from} now={now} isMoment /> },
    {
      head: t('usage.to'),
      cell: ({ to }) =>
        to === null ? <Mark tone="good">{t('usage.open')}</Mark> : <When at={to} now={now} isMoment />,
    },
    {
      head: t('usage.paid'),
      isNumber: true,
      cell: ({ paidMillis }) => durationText(Number(paidMillis), locale),
    },
    {
      head: t('billing.amount'),
      isNumber: true,
      cell: ({ amountNanos, allocation }) => (
        <Link to={paths.charges(allocation)}>
          <Money nanos={BigInt(amountNanos)} currency={currency} />
        </Link>
      ),
    },
  ]
  return (
    <Table
      label={t('billing.usage')}
      columns={columns}
      rows={usage}
      keyOf={({ allocation, from }) => `${allocation} ${from}`}
    />
  )
}
