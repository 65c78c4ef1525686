import type { ReactNode } from 'react'
import css from './ui.module.css'

/** A number that matters, with its name above and what it means below. */
export function Figure({ label, value, hint }: { label: ReactNode; value: ReactNode; hint?: ReactNode }) {
  return (
    <div className={css.figure}>
      <div className={css.figureLabel}>{label}</div>
      <div className={css.figureValue}>{value}</div>
      {hint === undefined ? null : <div className={css.figureHint}>{hint}</div>}
    </div>
  )
}
