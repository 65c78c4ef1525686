import { useTranslation } from 'react-i18next'
import { Link } from 'react-router'
import { paths } from '../paths.ts'
import { useLocale } from '../ui/locale.ts'
import { momentText } from '../ui/time.ts'
import { LiveBalance, Rate } from './live_money.tsx'
import { useBalance, useNow } from './queries.ts'
import { mayReadMoney, useSession } from './session.ts'
import css from './shell.module.css'

/** What is left, what it burns, and until when: on every page. */
export function BalanceStrip() {
  const { me, organization } = useSession()
  return mayReadMoney(organization, me.person.isOperator) ? (
    <Strip />
  ) : (
    <span style={{ marginInlineStart: 'auto' }} />
  )
}

function Strip() {
  const { t } = useTranslation()
  const locale = useLocale()
  const now = useNow(30_000)
  const { data: balance } = useBalance()
  if (!balance) return <span style={{ marginInlineStart: 'auto' }} />
  const { runwayUntil } = balance
  return (
    <Link to={paths.billing} className={css.strip} title={t('money.balance')}>
      <strong>
        <span className="visually-hidden">{t('money.balance')} </span>
        <LiveBalance balance={balance} />
      </strong>
      <span className={css.stripMore}>
        <Rate nanos={balance.nanosPerHour} currency={balance.currency} />
      </span>
      {runwayUntil === null ? null : (
        <span className={`${css.stripMore} soft`}>
          {t('money.lastsUntil', { at: momentText(Date.parse(runwayUntil), now, locale) })}
        </span>
      )}
    </Link>
  )
}
