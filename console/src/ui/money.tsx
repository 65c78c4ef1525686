import css from './ui.module.css'
import { fine, type MoneyDecimals, moneyParts } from './money.ts'
import { useLocale } from './locale.ts'

interface MoneyProps {
  readonly nanos: bigint
  readonly currency: string
  readonly decimals?: MoneyDecimals
}

/** An amount with its currency; what lies behind the cents stands back. */
export function Money({ nanos, currency, decimals = fine }: MoneyProps) {
  const { head, tail } = moneyParts(nanos, currency, useLocale(), decimals)
  return (
    <span className={css.money}>
      {head}
      {tail === '' ? null : <span className={css.moneyTail}>{tail}</span>}
    </span>
  )
}
