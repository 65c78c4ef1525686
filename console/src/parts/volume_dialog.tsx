import { makeId } from '@gpuhour/sdk/client'
import type { Volume } from '@gpuhour/sdk/contract'
import { Modal, NumberInput, Text, TextInput } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { api, keys } from './api.ts'
import { isName, nameLengthMax } from './names.ts'
import { useOffers } from './queries.ts'
import { useSession } from './session.ts'
import { StoragePrice } from './storage_price.tsx'
import { TaskForm } from './task_form.tsx'

export type VolumeTask =
  | { readonly kind: 'make' }
  | { readonly kind: 'resize'; readonly volume: Volume }
  | { readonly kind: 'delete'; readonly volume: Volume }

interface VolumeDialogProps {
  /** Null: closed. */
  readonly task: VolumeTask | null
  readonly onClose: () => void
}

/** Makes, resizes or deletes a volume, and says what that means. */
export function VolumeDialog({ task, onClose }: VolumeDialogProps) {
  const { t } = useTranslation()
  return (
    <Modal
      opened={task !== null}
      onClose={onClose}
      centered
      title={
        task === null
          ? ''
          : t(`volumes.${task.kind}Title`, 'volume' in task ? { name: task.volume.name } : {})
      }
      closeButtonProps={{ 'aria-label': t('common.close') }}
    >
      {task?.kind === 'make' ? <Make onClose={onClose} /> : null}
      {task?.kind === 'resize' ? <Resize volume={task.volume} onClose={onClose} /> : null}
      {task?.kind === 'delete' ? <Delete volume={task.volume} onClose={onClose} /> : null}
    </Modal>
  )
}

function useVolumeChange(change: () => Promise<unknown>, onClose: () => void) {
  const client = useQueryClient()
  const { project } = useSession()
  return useMutation({
    mutationFn: change,
    onSuccess: () => {
      void client.invalidateQueries({ queryKey: keys.volumes(project.id) })
      void client.invalidateQueries({ queryKey: ['balance'] })
      onClose()
    },
  })
}

function SizeInput({ gib, onGib, least }: { gib: number; onGib: (gib: number) => void; least: number }) {
  const { t } = useTranslation()
  const { data: offers } = useOffers(null)
  return (
    <>
      <NumberInput
        label={t('volumes.size')}
        value={gib}
        onChange={(value) => onGib(Math.max(0, Math.floor(Number(value))))}
        min={least}
        max={65_536}
        allowDecimal={false}
        allowNegative={false}
        suffix={t('launch.gib')}
      />
      {offers ? <StoragePrice offers={offers} gib={gib} /> : null}
    </>
  )
}

function Make({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation()
  const { project } = useSession()
  const [name, setName] = useState('')
  const [gib, setGib] = useState(20)
  const [id] = useState(() => makeId('volume'))
  const change = useVolumeChange(
    () => api.createVolume({ params: { project: project.id }, body: { id, name, sizeGib: gib } }),
    onClose,
  )
  return (
    <TaskForm change={change} sure={t('volumes.make')} isSure={isName(name) && gib >= 1} onClose={onClose}>
      <TextInput
        label={t('instance.name')}
        description={t('volumes.nameHelp')}
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
        error={name === '' || isName(name) ? null : t('launch.name_wrong')}
        maxLength={nameLengthMax}
        data-autofocus
        autoComplete="off"
      />
      <SizeInput gib={gib} onGib={setGib} least={1} />
      <Text size="sm" c="dimmed">
        {t('volumes.makeText')}
      </Text>
    </TaskForm>
  )
}

function Resize({ volume, onClose }: { volume: Volume; onClose: () => void }) {
  const { t } = useTranslation()
  const [gib, setGib] = useState(volume.sizeGib)
  const change = useVolumeChange(
    () => api.resizeVolume({ params: { volume: volume.id }, body: { sizeGib: gib } }),
    onClose,
  )
  const isSure = gib >= 1 && gib !== volume.sizeGib
  return (
    <TaskForm change={change} sure={t('volumes.resize')} isSure={isSure} onClose={onClose}>
      <SizeInput gib={gib} onGib={setGib} least={1} />
      <Text size="sm" c="dimmed">
        {t('volumes.resizeText')}
      </Text>
    </TaskForm>
  )
}

function Delete({ volume, onClose }: { volume: Volume; onClose: () => void }) {
  const { t } = useTranslation()
  const [typed, setTyped] = useState('')
  const change = useVolumeChange(() => api.deleteVolume({ params: { volume: volume.id } }), onClose)
  return (
    <TaskForm
      change={change}
      sure={t('volumes.deleteSure')}
      isSure={typed === volume.name}
      isDangerous
      onClose={onClose}
    >
      <Text>{t('volumes.deleteText', { size: volume.sizeGib })}</Text>
      <TextInput
        label={t('dialog.delete.type', { name: volume.name })}
        value={typed}
        onChange={(event) => setTyped(event.currentTarget.value)}
        maxLength={nameLengthMax}
        data-autofocus
        autoComplete="off"
      />
    </TaskForm>
  )
}
