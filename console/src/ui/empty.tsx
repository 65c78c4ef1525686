import { Text } from '@mantine/core'
import type { ReactNode } from 'react'
import css from './ui.module.css'

interface EmptyProps {
  readonly icon: ReactNode
  readonly title: string
  readonly text: string
  readonly action?: ReactNode
}

/** Nothing is here yet: what this is for, and the first thing to do. */
export function Empty({ icon, title, text, action }: EmptyProps) {
  return (
    <div className={css.empty}>
      <div className={css.emptyIcon} aria-hidden>
        {icon}
      </div>
      <div className={css.emptyTitle}>{title}</div>
      <Text c="dimmed" maw={460}>
        {text}
      </Text>
      {action === undefined ? null : <div style={{ marginTop: 10 }}>{action}</div>}
    </div>
  )
}
