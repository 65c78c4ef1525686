import type { Cost, Instance } from '@gpuhour/sdk/contract'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { Link } from 'react-router'
import { paths } from '../paths.ts'
import { useLocale } from '../ui/locale.ts'
import { Pairs } from '../ui/pairs.tsx'
import { momentText } from '../ui/time.ts'
import { LiveCost, PaidTime, Rate, UnitHours } from './live_money.tsx'
import { useBalance, useNow } from './queries.ts'
import css from '../ui/ui.module.css'

/** Cost so far, ticking, and what it costs from here. */
export function InstanceCost({ instance }: { instance: Instance }) {
  const { t } = useTranslation()
  const { cost } = instance
  const isOver = instance.state === 'deleted'
  return (
    <>
      <div className={css.figureLabel}>{t(isOver ? 'cost.total' : 'cost.soFar')}</div>
      <div className={css.figureValue} style={{ fontSize: '2rem' }} role="timer" aria-live="off">
        <LiveCost cost={cost} />
      </div>
      <div className="soft" style={{ marginBottom: 14 }}>
        {t(isOver ? 'cost.over' : cost.isPaying ? 'cost.paidNow' : 'cost.freeNow')}
      </div>
      <CostPairs cost={cost} isOver={isOver} />
      {instance.allocation === null ? null : (
        <div style={{ marginTop: 12 }}>
          <Link to={paths.charges(instance.allocation.id)}>{t('cost.charges')}</Link>
        </div>
      )}
    </>
  )
}

interface CostPairsProps {
  readonly cost: Cost
  /** It comes with a home of its own, which costs something whatever runs. */
  readonly hasStorage?: boolean
  /** Nothing of it will be charged any more. */
  readonly isOver: boolean
}

/** Rates, paid time and until when the money lasts; of an instance or a run. */
export function CostPairs({ cost, hasStorage = true, isOver }: CostPairsProps) {
  const { t } = useTranslation()
  const locale = useLocale()
  const now = useNow(30_000)
  const { data: balance } = useBalance()
  const { gpuHours, cpuHours, leaseUntil } = cost
  const moment = (at: string) => momentText(Date.parse(at), now, locale)
  const storage = BigInt(cost.storageNanosPerHour)
  const rate = (nanos: bigint) => <Rate nanos={nanos} currency={cost.currency} />
  const items: (readonly [string, ReactNode])[] = [
    [t(hasStorage ? 'cost.runningWithStorage' : 'cost.running'), rate(BigInt(cost.nanosPerHour) + storage)],
    ...(hasStorage ? [[t('cost.stopped'), rate(storage)] as const] : []),
    [t('cost.paidTime'), <PaidTime key="time" cost={cost} />],
    Number(gpuHours) > 0
      ? [t('cost.gpuHours'), <UnitHours key="hours" cost={cost} hours={gpuHours} />]
      : [t('cost.cpuHours'), <UnitHours key="hours" cost={cost} hours={cpuHours} />],
    ...(leaseUntil !== null && cost.isPaying ? [[t('cost.leaseUntil'), moment(leaseUntil)] as const] : []),
    ...(balance?.runwayUntil && !isOver ? [[t('cost.runway'), moment(balance.runwayUntil)] as const] : []),
  ]
  return <Pairs items={items} isEven />
}
