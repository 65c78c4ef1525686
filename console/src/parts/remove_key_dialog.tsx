import { Button, Modal, Text } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { Problem } from './problem.tsx'

interface RemoveKeyDialogProps {
  /** Of the key; null: closed. */
  readonly name: string | null
  readonly text: string
  readonly remove: () => Promise<unknown>
  readonly stale: readonly string[]
  readonly onClose: () => void
}

/** Asks before a key is taken away. */
export function RemoveKeyDialog({ name, text, remove, stale, onClose }: RemoveKeyDialogProps) {
  const { t } = useTranslation()
  const client = useQueryClient()
  const change = useMutation({
    mutationFn: remove,
    onSuccess: () => {
      void client.invalidateQueries({ queryKey: stale })
      onClose()
    },
  })
  return (
    <Modal
      opened={name !== null}
      onClose={onClose}
      centered
      title={t('keys.removeTitle', { name: name ?? '' })}
      closeButtonProps={{ 'aria-label': t('common.close') }}
    >
      <div className="stack">
        <Text>{text}</Text>
        {change.error ? <Problem error={change.error} /> : null}
        <div className="row" style={{ justifyContent: 'flex-end' }}>
          <Button variant="default" onClick={onClose}>
            {t('common.cancel')}
          </Button>
          <Button color="red.9" loading={change.isPending} onClick={() => change.mutate()}>
            {t('keys.removeSure')}
          </Button>
        </div>
      </div>
    </Modal>
  )
}
