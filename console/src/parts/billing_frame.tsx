import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { NavLink } from 'react-router'
import { paths } from '../paths.ts'
import { PageHead } from '../ui/page_head.tsx'
import css from './billing.module.css'
import { ExportButton } from './export_dialog.tsx'
import { RedeemCode } from './redeem_dialog.tsx'
import { AddMoney } from './top_up_dialog.tsx'

const tabs = [
  { to: paths.billing, name: 'statement' },
  { to: paths.credits, name: 'lots' },
  { to: paths.charges(), name: 'charges' },
  { to: paths.usage, name: 'usage' },
  { to: paths.budgets, name: 'budgets' },
  { to: paths.invoices, name: 'invoices' },
  { to: paths.bill, name: 'bill' },
  { to: paths.payments, name: 'payments' },
] as const

/** What can be done on each of them. */
function Actions() {
  return (
    <>
      <ExportButton />
      <RedeemCode />
      <AddMoney />
    </>
  )
}

/** The head that the pages of billing have in common. */
export function BillingFrame({ children }: { children: ReactNode }) {
  const { t } = useTranslation()
  return (
    <>
      <PageHead title={t('billing.title')} text={t('billing.text')} actions={<Actions />} />
      <nav className={css.tabs} aria-label={t('billing.title')}>
        {tabs.map(({ to, name }) => (
          <NavLink key={to} to={to} end className={css.tab ?? ''}>
            {t(`billing.${name}`)}
          </NavLink>
        ))}
      </nav>
      <div className="stack">{children}</div>
    </>
  )
}
