import css from './ui.module.css'
import { fine, fineFor, type MoneyDecimals, moneyParts } from './money.ts'
import { useLocale } from './locale.ts'

interface MoneyProps {
  readonly nanos: bigint
  readonly currency: string
  readonly decimals?: MoneyDecimals
}

/** An amount with its currency; what lies far behind the cents stands back. */
export function Money({ nanos, currency, decimals }: MoneyProps) {
  const { head, tail } = moneyParts(nanos, currency, useLocale(), decimals ?? fineFor(nanos))
  const isLong = decimals !== undefined && decimals.most > fine.most
  return (
    <span className={css.money}>
      {head}
      {tail === '' ? null : <span className={isLong ? css.moneyTail : ''}>{tail}</span>}
    </span>
  )
}
