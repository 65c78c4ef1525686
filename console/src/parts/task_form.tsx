import { Button } from '@mantine/core'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { Problem } from './problem.tsx'

interface TaskFormProps {
  readonly change: { readonly error: unknown; readonly isPending: boolean; readonly mutate: () => void }
  readonly sure: string
  readonly isSure: boolean
  readonly isDangerous?: boolean
  readonly onClose: () => void
  readonly children: ReactNode
}

/** What a dialog asks for, with a way out and what went wrong. */
export function TaskForm({ change, sure, isSure, isDangerous = false, onClose, children }: TaskFormProps) {
  const { t } = useTranslation()
  return (
    <form
      className="stack"
      onSubmit={(event) => {
        event.preventDefault()
        if (isSure) change.mutate()
      }}
    >
      {children}
      {change.error ? <Problem error={change.error} /> : null}
      <div className="row" style={{ justifyContent: 'flex-end' }}>
        <Button variant="default" onClick={onClose}>
          {t('common.cancel')}
        </Button>
        <Button
          type="submit"
          disabled={!isSure}
          loading={change.isPending}
          {...(isDangerous ? { color: 'red.9' } : {})}
        >
          {sure}
        </Button>
      </div>
    </form>
  )
}
