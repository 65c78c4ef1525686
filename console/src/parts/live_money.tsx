import type { Balance, Cost } from '@gpuhour/sdk/contract'
import { useTranslation } from 'react-i18next'
import { Money } from '../ui/money.tsx'
import { cents, type MoneyDecimals, ticking } from '../ui/money.ts'
import { clockText } from '../ui/time.ts'
import { balanceNow, costNow, paidMsNow, unitHoursNow } from './live_cost.ts'
import { useNow } from './queries.ts'

/** What it has cost by now; ticks while a spell is open. */
export function LiveCost({ cost, decimals }: { cost: Cost; decimals?: MoneyDecimals }) {
  const now = useNow(cost.isPaying ? 1000 : null)
  const shown = decimals ?? (cost.isPaying ? ticking : undefined)
  return (
    <Money
      nanos={costNow(cost, now)}
      currency={cost.currency}
      {...(shown === undefined ? {} : { decimals: shown })}
    />
  )
}

/** Paid time by now. */
export function PaidTime({ cost }: { cost: Cost }) {
  const now = useNow(cost.isPaying ? 1000 : null)
  return <span className="numbers">{clockText(paidMsNow(cost, now))}</span>
}

/** Paid time times what was paid for, by now. */
export function UnitHours({ cost, hours }: { cost: Cost; hours: string }) {
  const now = useNow(cost.isPaying ? 1000 : null)
  return <span className="numbers">{unitHoursNow(cost, hours, now)}</span>
}

/** The balance by now. */
export function LiveBalance({ balance }: { balance: Balance }) {
  const now = useNow(BigInt(balance.nanosPerHour) > 0n ? 1000 : null)
  return <Money nanos={balanceNow(balance, now)} currency={balance.currency} decimals={cents} />
}

/** A price per hour. */
export function Rate({ nanos, currency }: { nanos: string | bigint; currency: string }) {
  const { t } = useTranslation()
  return (
    <span style={{ whiteSpace: 'nowrap' }}>
      <Money nanos={BigInt(nanos)} currency={currency} /> <span className="soft">{t('money.perHour')}</span>
    </span>
  )
}
