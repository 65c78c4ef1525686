import type { Payment } from '@gpuhour/sdk/contract'
import { Button, Code, Loader, Skeleton } from '@mantine/core'
import { IconAlertTriangle, IconCheck, IconClockPause, IconCreditCard, IconX } from '@tabler/icons-react'
import { useQueryClient } from '@tanstack/react-query'
import { type ReactNode, useEffect } from 'react'
import { useTranslation } from 'react-i18next'
import { Link, useParams, useSearchParams } from 'react-router'
import { paths } from '../../paths.ts'
import { BillingFrame } from '../../parts/billing_frame.tsx'
import { LiveBalance } from '../../parts/live_money.tsx'
import { PaymentMark } from '../../parts/payment_mark.tsx'
import { usePayment } from '../../parts/payment_queries.ts'
import { useBalance, useNow } from '../../parts/queries.ts'
import { Refund } from '../../parts/refund_dialog.tsx'
import { mayManageMoney, useSession } from '../../parts/session.ts'
import { Shown } from '../../parts/shown.tsx'
import { Mark, type Tone } from '../../ui/marks.tsx'
import { Money } from '../../ui/money.tsx'
import { cents } from '../../ui/money.ts'
import { Notice } from '../../ui/notice.tsx'
import { Pairs } from '../../ui/pairs.tsx'
import { Panel } from '../../ui/panel.tsx'
import { type Column, Table } from '../../ui/table.tsx'
import { When } from '../../ui/when.tsx'

/** One payment: where the payer comes back to, and watches it arrive. */
export function PaymentPage() {
  const { t } = useTranslation()
  const { payment: id = '' } = useParams()
  const { me } = useSession()
  const query = usePayment(id)
  const client = useQueryClient()
  const creditedAt = query.data?.creditedAt ?? null
  useEffect(() => {
    // The money is there: so is the balance in the strip above, at once.
    if (creditedAt !== null) void client.invalidateQueries({ queryKey: ['balance'] })
  }, [client, creditedAt])
  return (
    <BillingFrame>
      <Shown query={query} skeleton={<Skeleton height={220} aria-hidden />}>
        {(payment) => (
          <>
            <Arrival payment={payment} />
            <Panel
              title={t('payments.payment')}
              aside={
                me.person.isOperator ? (
                  <Refund payment={payment} />
                ) : (
                  <Link to={paths.payments}>{t('payments.all')}</Link>
                )
              }
            >
              <Facts payment={payment} />
            </Panel>
            {payment.returns.length === 0 ? null : <Returns payment={payment} />}
          </>
        )}
      </Shown>
    </BillingFrame>
  )
}

/** What is the case, and what to do next. */
function Arrival({ payment }: { payment: Payment }) {
  const { t } = useTranslation()
  const [search] = useSearchParams()
  const { organization } = useSession()
  const balance = useBalance()
  const { state, checkoutUrl } = payment
  const hasPaid = search.get('back') === 'paid'
  if (state === 'paid')
    return (
      <Notice tone="good" role="status" icon={<IconCheck size={20} />} title={t('payments.arrivedTitle')}>
        {balance.data ? (
          <>
            {t('money.balance')}: <LiveBalance balance={balance.data} />
          </>
        ) : null}
      </Notice>
    )
  if ((state === 'open' || state === 'asked') && hasPaid)
    return (
      <Notice tone="quiet" role="status" icon={<Loader size={20} />} title={t('payments.arriving')}>
        {t('payments.arrivingText')}
      </Notice>
    )
  if (state === 'open' || state === 'asked')
    return (
      <Notice tone="quiet" icon={<IconCreditCard size={20} />} title={t('payments.notYet')}>
        {t('payments.notYetText')}
        {checkoutUrl !== null && mayManageMoney(organization) ? (
          <div style={{ marginTop: 10 }}>
            <Button component="a" href={checkoutUrl} size="xs">
              {t('payments.goOn')}
            </Button>
          </div>
        ) : null}
      </Notice>
    )
  return <Ended state={state} />
}

function Ended({ state }: { state: Exclude<Payment['state'], 'paid' | 'open' | 'asked'> }) {
  const { t } = useTranslation()
  const icon = {
    processing: <IconClockPause size={20} />,
    failed: <IconX size={20} />,
    expired: <IconClockPause size={20} />,
    mismatched: <IconAlertTriangle size={20} />,
  }[state]
  const tone = ({ processing: 'quiet', failed: 'bad', expired: 'quiet', mismatched: 'warn' } as const)[state]
  return (
    <Notice tone={tone} role="status" icon={icon} title={t(`payments.state.${state}`)}>
      {t(`payments.means.${state}`)}
    </Notice>
  )
}

function Facts({ payment }: { payment: Payment }) {
  const { t } = useTranslation()
  const now = useNow(15_000)
  const { amountNanos, currency, state, askedAt, creditedAt, id, vendorId } = payment
  const facts: [string, ReactNode][] = [
    [
      t('billing.amount'),
      <Money key="amount" nanos={BigInt(amountNanos)} currency={currency} decimals={cents} />,
    ],
    [t('payments.stateHead'), <PaymentMark key="state" state={state} />],
    [t('payments.asked'), <When key="asked" at={askedAt} now={now} />],
    [t('payments.arrived'), creditedAt === null ? '–' : <When key="arrived" at={creditedAt} now={now} />],
    [t('payments.id'), <Id key="id" text={id} />],
  ]
  if (vendorId !== null) facts.push([t('payments.vendorId'), <Id key="vendor" text={vendorId} />])
  return <Pairs items={facts} />
}

function Id({ text }: { text: string }) {
  return (
    <Code translate="no" style={{ overflowWrap: 'anywhere' }}>
      {text}
    </Code>
  )
}

type Return = Payment['returns'][number]

const toneOfReturn: Readonly<Record<Return['state'], Tone>> = {
  asked: 'busy',
  refused: 'bad',
  contested: 'warn',
  gone: 'quiet',
  undone: 'good',
}

function Returns({ payment: { returns, currency } }: { payment: Payment }) {
  const { t } = useTranslation()
  const now = useNow(30_000)
  const columns: Column<Return>[] = [
    { head: t('payments.what'), cell: ({ kind }) => t(`payments.kind.${kind}`) },
    {
      head: t('payments.stateHead'),
      cell: ({ state, kind, reason }) => (
        <>
          <Mark tone={toneOfReturn[state]}>{t(`payments.returnState.${kind}.${state}`)}</Mark>
          {reason === null ? null : (
            <div className="soft" lang="en">
              {reason}
            </div>
          )}
        </>
      ),
    },
    { head: t('payments.asked'), cell: ({ at }) => <When at={at} now={now} /> },
    {
      head: t('billing.amount'),
      isNumber: true,
      cell: ({ amountNanos }) => <Money nanos={BigInt(amountNanos)} currency={currency} decimals={cents} />,
    },
  ]
  return (
    <Panel title={t('payments.returns')} isFlush>
      <Table label={t('payments.returns')} columns={columns} rows={returns} keyOf={({ id }) => id} />
    </Panel>
  )
}
