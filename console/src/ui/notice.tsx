import type { ReactNode } from 'react'
import css from './ui.module.css'

interface NoticeProps {
  readonly tone: 'good' | 'warn' | 'bad' | 'quiet'
  readonly icon?: ReactNode
  readonly title: ReactNode
  /** Said aloud at once, or when there is a pause; default: read in its place. */
  readonly role?: 'alert' | 'status'
  readonly children?: ReactNode
}

/** Something to be noticed before one goes on. */
export function Notice({ tone, icon, title, role, children }: NoticeProps) {
  return (
    <div className={`${css.notice} ${css[`notice_${tone}`] ?? ''}`} {...(role ? { role } : {})}>
      {icon ? (
        <span className={css.noticeIcon} aria-hidden>
          {icon}
        </span>
      ) : null}
      <div style={{ minWidth: 0 }}>
        <div className={css.noticeTitle}>{title}</div>
        {children}
      </div>
    </div>
  )
}
