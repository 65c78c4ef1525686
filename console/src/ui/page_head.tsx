import { Title } from '@mantine/core'
import { type ReactNode, useEffect } from 'react'
import css from './ui.module.css'

interface PageHeadProps {
  readonly title: string
  readonly mark?: ReactNode
  readonly text?: ReactNode
  readonly actions?: ReactNode
}

/** The page's name, which the browser's tab bears as well, and what can be done here. */
export function PageHead({ title, mark, text, actions }: PageHeadProps) {
  useEffect(() => {
    document.title = `${title} · gpuhour`
  }, [title])
  return (
    <header className={css.pageHead}>
      <div style={{ minWidth: 0 }}>
        <div style={{ display: 'flex', alignItems: 'center', gap: 14, flexWrap: 'wrap' }}>
          <Title order={1} style={{ overflowWrap: 'anywhere' }}>
            {title}
          </Title>
          {mark}
        </div>
        {text === undefined ? null : (
          <div style={{ color: 'var(--mantine-color-dimmed)', marginTop: 4 }}>{text}</div>
        )}
      </div>
      {actions === undefined ? null : (
        <div style={{ display: 'flex', gap: 8, flexWrap: 'wrap' }}>{actions}</div>
      )}
    </header>
  )
}
