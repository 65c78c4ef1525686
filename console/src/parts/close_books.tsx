import { Button, Modal, Text } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { api } from './api.ts'
import { Problem } from './problem.tsx'
import { useSession } from './session.ts'

/** Asks an operator before the months that are over are closed without their hour of grace. */
export function CloseBooks({ isOpen, onClose }: { isOpen: boolean; onClose: () => void }) {
  const { t } = useTranslation()
  const { organization } = useSession()
  const client = useQueryClient()
  const close = useMutation({
    mutationFn: () => api.closeBooks({ params: { organization: organization.id }, body: {} }),
    onSuccess: ({ periods }) => {
      void client.invalidateQueries({ queryKey: ['invoices'] })
      notifications.show({ color: 'jade', message: t('invoices.closed', { count: periods.length }) })
      onClose()
    },
  })
  return (
    <Modal
      opened={isOpen}
      onClose={onClose}
      centered
      title={t('invoices.closeTitle', { name: organization.name })}
      closeButtonProps={{ 'aria-label': t('common.close') }}
    >
      <div className="stack">
        <Text>{t('invoices.closeText')}</Text>
        {close.error ? <Problem error={close.error} /> : null}
        <div className="row" style={{ justifyContent: 'flex-end' }}>
          <Button variant="default" onClick={onClose}>
            {t('common.cancel')}
          </Button>
          <Button loading={close.isPending} onClick={() => close.mutate()}>
            {t('invoices.close')}
          </Button>
        </div>
      </div>
    </Modal>
  )
}
