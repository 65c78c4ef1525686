import type { Instance } from '@gpuhour/sdk/contract'
import { Button, Modal, Text, TextInput } from '@mantine/core'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Money } from '../ui/money.tsx'
import { Pairs } from '../ui/pairs.tsx'
import { LiveCost, Rate } from './live_money.tsx'
import { nameLengthMax } from './names.ts'

type AskedVerb = 'stop' | 'restart' | 'delete'

interface InstanceDialogProps {
  readonly instance: Instance
  /** Null: closed. */
  readonly verb: AskedVerb | null
  readonly onClose: () => void
  readonly onSure: (verb: AskedVerb) => void
}

/** Says what is kept, what is lost and what it costs, before anything is done. */
export function InstanceDialog({ instance, verb, onClose, onSure }: InstanceDialogProps) {
  const { t } = useTranslation()
  // What was asked stays readable while the dialog fades away.
  const [shown, setShown] = useState<AskedVerb>('stop')
  if (verb !== null && verb !== shown) setShown(verb)
  return (
    <Modal
      opened={verb !== null}
      onClose={onClose}
      centered
      size="md"
      title={t(`dialog.${shown}.title`, { name: instance.name })}
      closeButtonProps={{ 'aria-label': t('common.close') }}
    >
      <Consequences instance={instance} verb={shown} />
      <Sure key={String(verb)} instance={instance} verb={shown} onClose={onClose} onSure={onSure} />
    </Modal>
  )
}

function Consequences({ instance, verb }: { instance: Instance; verb: AskedVerb }) {
  const { t } = useTranslation()
  const { cost, home } = instance
  const storage = <Rate nanos={cost.storageNanosPerHour} currency={cost.currency} />
  const zero = <Money nanos={0n} currency={cost.currency} />
  const soFar = [t('dialog.soFar'), <LiveCost key="cost" cost={cost} />] as const
  const size = { name: home.name, size: home.sizeGib }
  switch (verb) {
    case 'stop':
      return (
        <Pairs
          items={[
            [t('dialog.kept'), t('dialog.stop.kept', size)],
            [t('dialog.lost'), t('dialog.stop.lost')],
            [
              t('dialog.compute'),
              <span key="c">
                {zero} {t('dialog.fromNow')}
              </span>,
            ],
            [
              t('dialog.storage'),
              <span key="s">
                {storage} {t('dialog.asBefore')}
              </span>,
            ],
            soFar,
          ]}
        />
      )
    case 'restart':
      return (
        <Pairs
          items={[
            [t('dialog.kept'), t('dialog.stop.kept', size)],
            [t('dialog.lost'), t('dialog.stop.lost')],
            [t('dialog.compute'), t('dialog.restart.compute')],
            soFar,
          ]}
        />
      )
    case 'delete':
      return (
        <Pairs
          items={[
            [t('dialog.kept'), t('dialog.delete.kept')],
            [t('dialog.lost'), t('dialog.delete.lost', size)],
            [
              t('dialog.compute'),
              <span key="c">
                {zero} {t('dialog.fromNow')}
              </span>,
            ],
            [
              t('dialog.storage'),
              <span key="s">
                {zero} {t('dialog.fromNow')}
              </span>,
            ],
            soFar,
          ]}
        />
      )
  }
}

function Sure({ instance, verb, onClose, onSure }: InstanceDialogProps & { readonly verb: AskedVerb }) {
  const { t } = useTranslation()
  const [typed, setTyped] = useState('')
  const isDelete = verb === 'delete'
  const isSure = !isDelete || typed === instance.name
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault()
        if (isSure) onSure(verb)
      }}
    >
      {isDelete ? (
        <TextInput
          mt="md"
          label={t('dialog.delete.type', { name: instance.name })}
          value={typed}
          onChange={(event) => setTyped(event.currentTarget.value)}
          maxLength={nameLengthMax}
          autoComplete="off"
          data-autofocus
        />
      ) : (
        <Text mt="md" c="dimmed" size="sm">
          {t(`dialog.${verb}.note`)}
        </Text>
      )}
      <div className="row" style={{ justifyContent: 'flex-end', marginTop: 20 }}>
        <Button variant="default" onClick={onClose}>
          {t('common.cancel')}
        </Button>
        <Button type="submit" disabled={!isSure} {...(isDelete ? { color: 'red.9' } : {})}>
          {t(`dialog.${verb}.sure`)}
        </Button>
      </div>
    </form>
  )
}
