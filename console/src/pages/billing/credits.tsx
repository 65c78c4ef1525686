import type { Lot } from '@gpuhour/sdk/contract'
import { Progress } from '@mantine/core'
import { IconCoins } from '@tabler/icons-react'
import { useTranslation } from 'react-i18next'
import { api, keys, pollMs } from '../../parts/api.ts'
import { BillingFrame } from '../../parts/billing_frame.tsx'
import { burnOrder, leftPercent } from '../../parts/credits.ts'
import { More } from '../../parts/more.tsx'
import { useList, useNow } from '../../parts/queries.ts'
import { useSession } from '../../parts/session.ts'
import { Shown } from '../../parts/shown.tsx'
import { Empty } from '../../ui/empty.tsx'
import { Mark, Tag } from '../../ui/marks.tsx'
import { Money } from '../../ui/money.tsx'
import { cents } from '../../ui/money.ts'
import { Panel } from '../../ui/panel.tsx'
import { type Column, Table, TableSkeleton } from '../../ui/table.tsx'
import { When } from '../../ui/when.tsx'

/** What the balance is made of, in the order in which it is used. */
export function CreditsPage() {
  const { t } = useTranslation()
  const { organization } = useSession()
  const query = useList(
    keys.lots(organization.id),
    (page, signal) => api.listLots({ params: { organization: organization.id }, query: page }, { signal }),
    { everyMs: pollMs.calm, limit: 100 },
  )
  return (
    <BillingFrame>
      <Panel title={t('billing.lots')} isFlush>
        <Shown query={query} skeleton={<TableSkeleton />} isFlush>
          {(lots) =>
            lots.length === 0 ? (
              <Empty
                icon={<IconCoins size={36} stroke={1.4} />}
                title={t('credits.none')}
                text={t('credits.noneText')}
              />
            ) : (
              <>
                <LotTable lots={lots} currency={organization.currency} />
                <More {...query} />
              </>
            )
          }
        </Shown>
      </Panel>
      <p className="soft">{t('credits.order')}</p>
    </BillingFrame>
  )
}

function LotTable({ lots, currency }: { lots: readonly Lot[]; currency: string }) {
  const { t } = useTranslation()
  const now = useNow(30_000)
  const columns: Column<Lot>[] = [
    {
      head: t('billing.credit'),
      cell: ({ code, kind, renews }) => (
        <span className="row" style={{ gap: 8 }}>
          {renews !== null || code === 'give_back' ? t('credits.renewed') : t(`billing.code.${code}`)}
          <Tag tone={kind === 'paid' ? 'accent' : 'quiet'}>{t(`credits.${kind}`)}</Tag>
        </span>
      ),
    },
    { head: t('credits.state'), cell: (lot) => <State lot={lot} /> },
    {
      head: t('credits.left'),
      isNumber: true,
      cell: (lot) => <Left lot={lot} currency={currency} />,
    },
    { head: t('credits.usable'), cell: (lot) => <Usable lot={lot} now={now} /> },
    { head: t('credits.credited'), cell: ({ creditedAt }) => <When at={creditedAt} now={now} isMoment /> },
  ]
  return <Table label={t('billing.lots')} columns={columns} rows={burnOrder(lots)} keyOf={({ id }) => id} />
}

const tones = { in_force: 'good', upcoming: 'busy', lapsed: 'warn', used_up: 'quiet' } as const

function State({ lot: { state, turn } }: { lot: Lot }) {
  const { t } = useTranslation()
  const words = turn === null ? t(`credits.${state}`) : t('credits.turn', { turn })
  return <Mark tone={turn === 1 ? 'good' : state === 'in_force' ? 'quiet' : tones[state]}>{words}</Mark>
}

function Left({ lot, currency }: { lot: Lot; currency: string }) {
  const { t } = useTranslation()
  const reserved = BigInt(lot.reservedNanos)
  return (
    <div>
      <Money nanos={BigInt(lot.remainingNanos)} currency={currency} decimals={cents} />{' '}
      <span className="soft">
        {t('credits.of')} <Money nanos={BigInt(lot.amountNanos)} currency={currency} decimals={cents} />
      </span>
      <Progress
        value={leftPercent(lot)}
        size={4}
        mt={6}
        miw={120}
        color={lot.state === 'in_force' ? 'jade' : 'gray'}
        aria-label={t('credits.left')}
      />
      {reserved > 0n ? (
        <div className="soft">
          {t('credits.held')} <Money nanos={reserved} currency={currency} />
        </div>
      ) : null}
    </div>
  )
}

function Usable({ lot: { effectiveAt, expiresAt, state }, now }: { lot: Lot; now: number }) {
  const { t } = useTranslation()
  return (
    <div>
      {state === 'upcoming' ? (
        <div>
          {t('credits.from')} <When at={effectiveAt} now={now} isMoment />
        </div>
      ) : null}
      {expiresAt === null ? (
        t('credits.forever')
      ) : (
        <>
          {t('credits.until')} <When at={expiresAt} now={now} isMoment />
        </>
      )}
    </div>
  )
}
