import { makeId } from '@gpuhour/sdk/client'
import type { KeyAction, MadeApiKey } from '@gpuhour/sdk/contract'
import { Button, Checkbox, Modal, Select, TextInput } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { CopyLine } from '../ui/copy_line.tsx'
import { api, keys } from './api.ts'
import { Problem } from './problem.tsx'
import { useSession } from './session.ts'
import { Notice } from '../ui/notice.tsx'

const actions: readonly KeyAction[] = [
  'read',
  'compute',
  'storage',
  'connect',
  'billing',
  'manage',
  'operate',
]
const lifetimes = ['7', '30', '90', '365', ''] as const

/** Makes an API key, and shows its secret once. */
export function ApiKeyDialog({ isOpen, onClose }: { isOpen: boolean; onClose: () => void }) {
  const { t } = useTranslation()
  const [made, setMade] = useState<MadeApiKey | null>(null)
  const close = () => {
    setMade(null)
    onClose()
  }
  return (
    <Modal
      opened={isOpen}
      onClose={close}
      centered
      size="lg"
      // A slip beside the dialog must not lose a secret that is shown once.
      closeOnClickOutside={made === null}
      title={t(made === null ? 'keys.makeApi' : 'keys.made')}
      closeButtonProps={{ 'aria-label': t('common.close') }}
    >
      {isOpen && made === null ? <ApiKeyForm onMade={setMade} onClose={close} /> : null}
      {made === null ? null : <Made made={made} onClose={close} />}
    </Modal>
  )
}

function Made({ made, onClose }: { made: MadeApiKey; onClose: () => void }) {
  const { t } = useTranslation()
  return (
    <div className="stack">
      {made.secret === null ? (
        <Notice tone="warn" title={t('keys.shownBefore')} />
      ) : (
        <>
          <Notice tone="warn" title={t('keys.once')}>
            {t('keys.onceText')}
          </Notice>
          <CopyLine text={made.secret} copy={t('common.copy')} copied={t('common.copied')} />
        </>
      )}
      <div className="row" style={{ justifyContent: 'flex-end' }}>
        <Button onClick={onClose}>{t('keys.done')}</Button>
      </div>
    </div>
  )
}

interface ApiKeyFormProps {
  readonly onMade: (made: MadeApiKey) => void
  readonly onClose: () => void
}

function ApiKeyForm({ onMade, onClose }: ApiKeyFormProps) {
  const { t } = useTranslation()
  const client = useQueryClient()
  const { me, organization, project } = useSession()
  const [name, setName] = useState('')
  const [may, setMay] = useState<string[]>(['read', 'compute', 'storage', 'connect', 'billing'])
  const [isConfined, setConfined] = useState(true)
  const [days, setDays] = useState('90')
  const [id] = useState(() => makeId('apiKey'))
  const offered = actions.filter((action) => action !== 'operate' || me.person.isOperator)
  const change = useMutation({
    mutationFn: () =>
      api.createApiKey({
        body: {
          id,
          name: name.trim(),
          organization: organization.id,
          project: isConfined ? project.id : null,
          actions: offered.filter((action) => may.includes(action)),
          expiresInDays: days === '' ? null : Number(days),
        },
      }),
    onSuccess: (made) => {
      void client.invalidateQueries({ queryKey: keys.apiKeys })
      onMade(made)
    },
  })
  const isSure = name.trim() !== '' && may.length > 0
  return (
    <form
      className="stack"
      onSubmit={(event) => {
        event.preventDefault()
        if (isSure) change.mutate()
      }}
    >
      <TextInput
        label={t('instance.name')}
        description={t('keys.apiNameHelp')}
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
        maxLength={80}
        autoComplete="off"
        data-autofocus
      />
      <ActionBoxes offered={offered} may={may} onMay={setMay} />
      <Checkbox
        checked={isConfined}
        onChange={(event) => setConfined(event.currentTarget.checked)}
        label={t('keys.confined', { project: project.name })}
      />
      <Lifetime days={days} onDays={setDays} />
      {change.error ? <Problem error={change.error} /> : null}
      <div className="row" style={{ justifyContent: 'flex-end' }}>
        <Button variant="default" onClick={onClose}>
          {t('common.cancel')}
        </Button>
        <Button type="submit" disabled={!isSure} loading={change.isPending}>
          {t('keys.makeApi')}
        </Button>
      </div>
    </form>
  )
}

interface ActionBoxesProps {
  readonly offered: readonly KeyAction[]
  readonly may: string[]
  readonly onMay: (may: string[]) => void
}

function ActionBoxes({ offered, may, onMay }: ActionBoxesProps) {
  const { t } = useTranslation()
  return (
    <Checkbox.Group label={t('keys.actions')} value={may} onChange={onMay}>
      <div className="stack" style={{ gap: 6, marginTop: 6 }}>
        {offered.map((action) => (
          <Checkbox key={action} value={action} label={t(`keys.mayLong.${action}`)} />
        ))}
      </div>
    </Checkbox.Group>
  )
}

function Lifetime({ days, onDays }: { days: string; onDays: (days: string) => void }) {
  const { t } = useTranslation()
  return (
    <Select
      label={t('keys.lifetime')}
      value={days}
      onChange={(value) => onDays(value ?? '')}
      data={lifetimes.map((value) => ({
        value,
        label: value === '' ? t('keys.noEnd') : t('keys.days', { count: Number(value) }),
      }))}
      allowDeselect={false}
      maw={240}
    />
  )
}
