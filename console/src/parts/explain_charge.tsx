import type { Charge } from '@gpuhour/sdk/contract'
import { Code, Text } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import { useLocale } from '../ui/locale.ts'
import { Money } from '../ui/money.tsx'
import { exact } from '../ui/money.ts'
import { Pairs } from '../ui/pairs.tsx'
import { exactText } from '../ui/time.ts'
import css from './billing.module.css'
import { explain } from './explain.ts'
import { Reason } from './reason.tsx'
import { Notice } from '../ui/notice.tsx'

/** The one formula with this charge's numbers in it. */
export function ExplainCharge({ charge, currency }: { charge: Charge; currency: string }) {
  const { t } = useTranslation()
  const locale = useLocale()
  const { secondsBefore, secondsAfter, amountBefore, amountAfter, amount } = explain(charge)
  const count = (value: bigint | string) => new Intl.NumberFormat(locale).format(BigInt(value))
  const money = (nanos: bigint) => <Money nanos={nanos} currency={currency} decimals={exact} />
  const step = (seconds: bigint, nanos: bigint) => `⌊ ${charge.nanos} × ${seconds} ÷ 3600 ⌋ = ${nanos}`
  return (
    <div className="stack">
      <Text>{t('charges.formula')}</Text>
      <div className={css.formula} translate="no">
        {t('charges.formulaText')}
      </div>
      <Pairs
        items={[
          [t('charges.resource'), <Code key="r">{charge.resource}</Code>],
          [t('billing.sku'), charge.sku],
          [t('charges.book'), <Code key="b">{charge.priceBook}</Code>],
          [t('charges.upTo'), exactText(Date.parse(charge.upTo), locale)],
          [t('charges.rate'), t('charges.nanosPerUnitHour', { nanos: count(charge.nanos) })],
          [
            t('charges.before'),
            <span key="before">
              {t('charges.seconds', {
                seconds: count(secondsBefore),
                millis: count(charge.unitMillisBefore),
              })}
              <br />
              <span className={css.formula}>{step(secondsBefore, amountBefore)}</span>
            </span>,
          ],
          [
            t('charges.after'),
            <span key="after">
              {t('charges.seconds', {
                seconds: count(secondsAfter),
                millis: count(BigInt(charge.unitMillisBefore) + BigInt(charge.unitMillis)),
              })}
              <br />
              <span className={css.formula}>{step(secondsAfter, amountAfter)}</span>
            </span>,
          ],
          [
            t('charges.difference'),
            <strong key="difference">
              {count(amount)} {t('charges.nanos')} = {money(amount)}
            </strong>,
          ],
        ]}
      />
      {charge.reason === null ? null : (
        <Notice tone="warn" title={t('charges.back')}>
          <Reason text={charge.reason} />
        </Notice>
      )}
      {amount === BigInt(charge.amount) ? (
        <Text c="dimmed">{t('charges.agrees')}</Text>
      ) : (
        <Notice role="alert" tone="bad" title={t('charges.differs')}>
          {money(BigInt(charge.amount))}
        </Notice>
      )}
    </div>
  )
}
