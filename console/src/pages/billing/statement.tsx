import type { Balance, Statement } from '@gpuhour/sdk/contract'
import { Select, Skeleton, Text } from '@mantine/core'
import { IconReceipt2 } from '@tabler/icons-react'
import { useMemo, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Link } from 'react-router'
import { paths } from '../../paths.ts'
import { BillingFrame } from '../../parts/billing_frame.tsx'
import { LiveBalance, Rate } from '../../parts/live_money.tsx'
import { monthPeriod, pastMonths, periodNames, periodOf } from '../../parts/periods.ts'
import { useBalance, useNow, useStatement } from '../../parts/queries.ts'
import { Reason } from '../../parts/reason.tsx'
import { useSession } from '../../parts/session.ts'
import { serverClock } from '../../parts/server_clock.ts'
import { Shown } from '../../parts/shown.tsx'
import { Empty } from '../../ui/empty.tsx'
import { Figure } from '../../ui/figure.tsx'
import { useLocale } from '../../ui/locale.ts'
import { Money } from '../../ui/money.tsx'
import { cents, moneyText } from '../../ui/money.ts'
import { Panel } from '../../ui/panel.tsx'
import { type Column, Table, TableSkeleton } from '../../ui/table.tsx'
import { durationText, exactText, momentText } from '../../ui/time.ts'
import { When } from '../../ui/when.tsx'

/** What there is, and what a period cost, line by line. */
export function StatementPage() {
  const { t } = useTranslation()
  const { organization } = useSession()
  const { timeZone } = organization
  const [name, setName] = useState('month')
  const asked = useMemo(() => {
    const known = periodNames.find((one) => one === name)
    return known ? periodOf(known, serverClock.now(), timeZone) : monthPeriod(name, timeZone)
  }, [name, timeZone])
  const query = useStatement(asked)
  const balance = useBalance()
  const picker = <PeriodPicker name={name} onPick={setName} />
  return (
    <BillingFrame>
      <Panel>
        <Shown query={balance} skeleton={<Skeleton height={66} aria-hidden />}>
          {(found) => <Purse balance={found} />}
        </Shown>
      </Panel>
      <Panel title={t('billing.statement')} aside={picker} isFlush>
        <Shown query={query} skeleton={<TableSkeleton />} isFlush>
          {(statement) => <Lines statement={statement} />}
        </Shown>
      </Panel>
      {query.data && query.data.givenBack.length > 0 ? <GivenBack statement={query.data} /> : null}
      {query.data && query.data.credits.length > 0 ? <Credits statement={query.data} /> : null}
    </BillingFrame>
  )
}

/** A year back: further back one asks by the command line. */
const monthsShown = 12

/** The usual periods, and each of the months before. */
function PeriodPicker({ name, onPick }: { name: string; onPick: (name: string) => void }) {
  const { t } = useTranslation()
  const locale = useLocale()
  const { organization } = useSession()
  const format = new Intl.DateTimeFormat(locale, { timeZone: 'UTC', year: 'numeric', month: 'long' })
  // The first of them is last month, which has a name.
  const months = pastMonths(serverClock.now(), organization.timeZone, monthsShown).slice(1)
  return (
    <Select
      aria-label={t('billing.period')}
      value={name}
      onChange={(value) => onPick(value ?? 'month')}
      data={[
        ...periodNames.map((value) => ({ value, label: t(`billing.${value}`) })),
        ...months.map((value) => ({ value, label: format.format(Date.parse(`${value}-01`)) })),
      ]}
      allowDeselect={false}
      w={180}
    />
  )
}

function Purse({ balance }: { balance: Balance }) {
  const { t } = useTranslation()
  const locale = useLocale()
  const now = useNow(30_000)
  const { currency, runwayUntil } = balance
  const receivable = BigInt(balance.receivableNanos)
  return (
    <div className="figures">
      <Figure label={t('money.balance')} value={<LiveBalance balance={balance} />} hint={t('billing.live')} />
      <Figure
        label={t('billing.available')}
        value={<Money nanos={BigInt(balance.availableNanos)} currency={currency} decimals={cents} />}
        hint={<AvailableHint balance={balance} now={now} />}
      />
      <Figure
        label={t('billing.held')}
        value={<Money nanos={BigInt(balance.heldNanos)} currency={currency} decimals={cents} />}
        hint={t('billing.heldHint')}
      />
      <Figure
        label={t('money.burn')}
        value={<Rate nanos={balance.nanosPerHour} currency={currency} />}
        hint={
          runwayUntil === null
            ? t('money.forever')
            : t('money.lastsUntil', { at: momentText(Date.parse(runwayUntil), now, locale) })
        }
      />
      {receivable > 0n ? (
        <Figure
          label={t('billing.receivable')}
          value={<Money nanos={receivable} currency={currency} decimals={cents} />}
          hint={
            balance.graceUntil === null
              ? t('billing.receivableHint')
              : t('billing.graceHint', { at: momentText(Date.parse(balance.graceUntil), now, locale) })
          }
        />
      ) : null}
    </div>
  )
}

/** What of the available lapses next, and what comes into force later, where there is such a thing. */
function AvailableHint({ balance, now }: { balance: Balance; now: number }) {
  const { t } = useTranslation()
  const locale = useLocale()
  const { currency, expiry, upcomingNanos } = balance
  const text = (nanos: string) => moneyText(BigInt(nanos), currency, locale, cents)
  return (
    <>
      {expiry === null
        ? t('billing.availableHint')
        : t('billing.lapses', {
            amount: text(expiry.nanos),
            at: momentText(Date.parse(expiry.at), now, locale),
          })}
      {upcomingNanos === '0' ? null : <div>{t('billing.upcoming', { amount: text(upcomingNanos) })}</div>}
    </>
  )
}

type Line = Statement['lines'][number]

/** Unit-milliseconds of a line, as unit-hours to the millionth, cut. */
function unitHours(unitMillis: string): string {
  const millionths = (BigInt(unitMillis) * 1_000_000n) / 3_600_000n
  return `${millionths / 1_000_000n}.${(millionths % 1_000_000n).toString().padStart(6, '0')}`
}

const units = { 'gpu-hour': 'gpu', 'vcpu-hour': 'vcpu', 'gib-hour': 'gib' } as const
const isUnit = (name: string): name is keyof typeof units => Object.hasOwn(units, name)

function Unit({ name }: { name: string }) {
  const { t } = useTranslation()
  return isUnit(name) ? t(`unit.${units[name]}`) : name
}

/** Where a thing that was paid for is shown. */
function pathTo(subject: string): string {
  if (subject.startsWith('ins_')) return paths.instance(subject)
  return subject.startsWith('run_') ? paths.run(subject) : paths.volumes
}

function useLineColumns(currency: string): Column<Line>[] {
  const { t } = useTranslation()
  const locale = useLocale()
  return [
    {
      head: t('billing.for'),
      cell: ({ name, subject }) => <Link to={pathTo(subject)}>{name}</Link>,
    },
    { head: t('billing.sku'), cell: ({ sku }) => <span translate="no">{sku}</span> },
    {
      head: t('billing.quantity'),
      isNumber: true,
      cell: ({ unitMillis, unit }) => (
        <span title={durationText(Number(unitMillis), locale)}>
          {unitHours(unitMillis)}{' '}
          <span className="soft">
            <Unit name={unit} />
          </span>
        </span>
      ),
    },
    {
      head: t('billing.rate'),
      isNumber: true,
      cell: ({ nanosPerUnitHour }) => <Rate nanos={nanosPerUnitHour} currency={currency} />,
    },
    {
      head: t('billing.amount'),
      isNumber: true,
      cell: ({ amountNanos, resource }) => (
        <Link to={paths.charges(resource)}>
          <Money nanos={BigInt(amountNanos)} currency={currency} />
        </Link>
      ),
    },
  ]
}

function Lines({ statement }: { statement: Statement }) {
  const { t } = useTranslation()
  const locale = useLocale()
  const { currency, lines } = statement
  const columns = useLineColumns(currency)
  return (
    <>
      <Text className="soft" px={16} pb={4}>
        {exactText(Date.parse(statement.from), locale)} – {exactText(Date.parse(statement.to), locale)}
        {statement.invoices.map(({ number }) => (
          <span key={number}>
            {' · '}
            {t('invoices.covers')}{' '}
            <Link to={paths.invoice(number)} translate="no">
              {number}
            </Link>
          </span>
        ))}
      </Text>
      {lines.length === 0 ? (
        <Empty
          icon={<IconReceipt2 size={36} stroke={1.4} />}
          title={t('billing.nothing')}
          text={t('billing.nothingText')}
        />
      ) : (
        <>
          <Table
            label={t('billing.statement')}
            columns={columns}
            rows={lines}
            keyOf={({ resource, sku, priceBook }) => `${resource} ${sku} ${priceBook}`}
          />
          <div
            className="row"
            style={{
              justifyContent: 'space-between',
              padding: '12px 16px',
              borderTop: '1px solid var(--line)',
            }}
          >
            <strong>{t('billing.total')}</strong>
            <strong>
              <Money nanos={BigInt(statement.totalNanos)} currency={currency} />
            </strong>
          </div>
        </>
      )}
    </>
  )
}

/** What was charged, and taken back by a late truth, each with its reason. */
function GivenBack({ statement }: { statement: Statement }) {
  const { t } = useTranslation()
  const now = useNow(60_000)
  const columns: Column<Statement['givenBack'][number]>[] = [
    {
      head: t('billing.for'),
      cell: ({ name, subject }) => <Link to={pathTo(subject)}>{name}</Link>,
    },
    { head: t('billing.why'), cell: ({ reason }) => <Reason text={reason} /> },
    { head: t('history.at'), cell: ({ at }) => <When at={at} now={now} /> },
    {
      head: t('billing.amount'),
      isNumber: true,
      cell: ({ amountNanos, resource }) => (
        <Link to={paths.charges(resource)}>
          <Money nanos={BigInt(amountNanos)} currency={statement.currency} />
        </Link>
      ),
    },
  ]
  return (
    <Panel title={t('billing.givenBack')} isFlush>
      <Text className="soft" px={16} pb={4}>
        {t('billing.givenBackText')}
      </Text>
      <Table
        label={t('billing.givenBack')}
        columns={columns}
        rows={statement.givenBack}
        keyOf={({ charge }) => charge}
      />
    </Panel>
  )
}

function Credits({ statement }: { statement: Statement }) {
  const { t } = useTranslation()
  const now = useNow(60_000)
  const columns: Column<Statement['credits'][number]>[] = [
    { head: t('billing.credit'), cell: ({ code }) => t(`billing.code.${code}`) },
    { head: t('history.at'), cell: ({ at }) => <When at={at} now={now} /> },
    {
      head: t('billing.amount'),
      isNumber: true,
      cell: ({ amountNanos }) => <Money nanos={BigInt(amountNanos)} currency={statement.currency} />,
    },
  ]
  return (
    <Panel title={t('billing.credits')} isFlush>
      <Table label={t('billing.credits')} columns={columns} rows={statement.credits} keyOf={({ id }) => id} />
    </Panel>
  )
}
