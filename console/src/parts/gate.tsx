import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { Brand } from '../ui/brand.tsx'
import css from './shell.module.css'
import { LanguageButton, SchemeButton } from './tastes.tsx'

/** The frame of the pages before one is in. */
export function Gate({ children }: { children: ReactNode }) {
  const { t } = useTranslation()
  return (
    <div className={css.gate}>
      <header className={css.bar}>
        <span className={css.brand} translate="no">
          <Brand />
          {t('brand')}
        </span>
        <span style={{ marginInlineStart: 'auto' }} />
        <LanguageButton />
        <SchemeButton />
      </header>
      <main className={css.gateMain}>
        <div className={css.gateCard}>{children}</div>
      </main>
    </div>
  )
}
