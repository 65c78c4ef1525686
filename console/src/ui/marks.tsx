import type { ReactNode } from 'react'
import css from './ui.module.css'

export type Tone = 'quiet' | 'good' | 'busy' | 'warn' | 'bad'

/** What is the case, in a word with a dot: never by colour alone. */
export function Mark({ tone, children }: { tone: Tone; children: ReactNode }) {
  return (
    <span className={`${css.mark} ${css[tone] ?? ''}`}>
      <span className={css.dot} aria-hidden />
      {children}
    </span>
  )
}

const tagClass = { quiet: '', accent: css.tagAccent, warn: css.tagWarn, bad: css.tagBad } as const

/** A short remark beside something. */
export function Tag({ tone = 'quiet', children }: { tone?: keyof typeof tagClass; children: ReactNode }) {
  return <span className={`${css.tag} ${tagClass[tone] ?? ''}`}>{children}</span>
}
