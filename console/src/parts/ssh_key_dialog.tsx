import { makeId } from '@gpuhour/sdk/client'
import { Button, Modal, Textarea, TextInput } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { api, keys } from './api.ts'
import { Problem } from './problem.tsx'

/** Adds a public key. */
export function SshKeyDialog({ isOpen, onClose }: { isOpen: boolean; onClose: () => void }) {
  const { t } = useTranslation()
  return (
    <Modal
      opened={isOpen}
      onClose={onClose}
      centered
      size="lg"
      title={t('keys.addSsh')}
      closeButtonProps={{ 'aria-label': t('common.close') }}
    >
      {isOpen ? <SshKeyForm onClose={onClose} /> : null}
    </Modal>
  )
}

/** The comment at a public key's end says whose it is: a good first name. */
function commentOf(publicKey: string): string {
  return publicKey.trim().split(/\s+/).slice(2).join(' ').slice(0, 80)
}

function SshKeyForm({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation()
  const client = useQueryClient()
  const [publicKey, setPublicKey] = useState('')
  const [name, setName] = useState<string | null>(null)
  const [id] = useState(() => makeId('sshKey'))
  const shownName = name ?? commentOf(publicKey)
  const change = useMutation({
    mutationFn: () => api.createSshKey({ body: { id, name: shownName.trim(), publicKey: publicKey.trim() } }),
    onSuccess: () => {
      void client.invalidateQueries({ queryKey: keys.sshKeys })
      onClose()
    },
  })
  const isSure = shownName.trim() !== '' && publicKey.trim() !== ''
  return (
    <form
      className="stack"
      onSubmit={(event) => {
        event.preventDefault()
        if (isSure) change.mutate()
      }}
    >
      <Textarea
        label={t('keys.publicKey')}
        description={t('keys.publicKeyHelp')}
        value={publicKey}
        onChange={(event) => setPublicKey(event.currentTarget.value)}
        autosize
        minRows={3}
        maxRows={8}
        styles={{ input: { fontFamily: 'var(--mantine-font-family-monospace)' } }}
        spellCheck={false}
        data-autofocus
      />
      <TextInput
        label={t('instance.name')}
        value={shownName}
        onChange={(event) => setName(event.currentTarget.value)}
        maxLength={80}
        autoComplete="off"
      />
      {change.error ? <Problem error={change.error} /> : null}
      <div className="row" style={{ justifyContent: 'flex-end' }}>
        <Button variant="default" onClick={onClose}>
          {t('common.cancel')}
        </Button>
        <Button type="submit" disabled={!isSure} loading={change.isPending}>
          {t('keys.addSsh')}
        </Button>
      </div>
    </form>
  )
}
