import type { Payment } from '@gpuhour/sdk/contract'
import { IconCreditCard } from '@tabler/icons-react'
import { useTranslation } from 'react-i18next'
import { Link } from 'react-router'
import { paths } from '../../paths.ts'
import { BillingFrame } from '../../parts/billing_frame.tsx'
import { More } from '../../parts/more.tsx'
import { PaymentMark } from '../../parts/payment_mark.tsx'
import { usePayments, useWay } from '../../parts/payment_queries.ts'
import { useNow } from '../../parts/queries.ts'
import { useLocale } from '../../ui/locale.ts'
import { Shown } from '../../parts/shown.tsx'
import { Empty } from '../../ui/empty.tsx'
import { Money } from '../../ui/money.tsx'
import { cents } from '../../ui/money.ts'
import { Panel } from '../../ui/panel.tsx'
import { type Column, Table, TableSkeleton } from '../../ui/table.tsx'
import { momentText } from '../../ui/time.ts'
import { When } from '../../ui/when.tsx'

/** Every payment by card, and how it stands. */
export function PaymentsPage() {
  const { t } = useTranslation()
  const query = usePayments()
  const way = useWay()
  return (
    <BillingFrame>
      <Panel title={t('billing.payments')} isFlush>
        <Shown query={query} skeleton={<TableSkeleton />} isFlush>
          {(payments) =>
            payments.length === 0 ? (
              <Empty
                icon={<IconCreditCard size={36} stroke={1.4} />}
                title={t('payments.none')}
                text={t(way?.way === 'grant' ? 'topUp.byGrantText' : 'payments.noneText')}
              />
            ) : (
              <>
                <PaymentTable payments={payments} />
                <More {...query} />
              </>
            )
          }
        </Shown>
      </Panel>
    </BillingFrame>
  )
}

/** What went back of a payment by all that is known. */
function goneOf({ returns }: Payment): bigint {
  return returns
    .filter(({ state }) => state === 'gone' || state === 'asked')
    .reduce((sum, { amountNanos }) => sum + BigInt(amountNanos), 0n)
}

function PaymentTable({ payments }: { payments: readonly Payment[] }) {
  const { t } = useTranslation()
  const locale = useLocale()
  const now = useNow(30_000)
  const columns: Column<Payment>[] = [
    {
      head: t('payments.payment'),
      cell: ({ id, askedAt }) => (
        <Link to={paths.payment(id)}>
          <span className="visually-hidden">{t('payments.payment')} </span>
          {momentText(Date.parse(askedAt), now, locale)}
        </Link>
      ),
    },
    { head: t('payments.stateHead'), cell: ({ state }) => <PaymentMark state={state} /> },
    {
      head: t('payments.arrived'),
      cell: ({ creditedAt }) => (creditedAt === null ? '–' : <When at={creditedAt} now={now} />),
    },
    {
      head: t('payments.back'),
      isNumber: true,
      cell: (one) => {
        const gone = goneOf(one)
        return gone === 0n ? '–' : <Money nanos={gone} currency={one.currency} decimals={cents} />
      },
    },
    {
      head: t('billing.amount'),
      isNumber: true,
      cell: ({ amountNanos, currency }) => (
        <Money nanos={BigInt(amountNanos)} currency={currency} decimals={cents} />
      ),
    },
  ]
  return <Table label={t('billing.payments')} columns={columns} rows={payments} keyOf={({ id }) => id} />
}
