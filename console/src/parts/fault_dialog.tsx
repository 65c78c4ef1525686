import type { NodeAllocation } from '@gpuhour/sdk/contract'
import { Button, Modal, Select, Text, TextInput } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useLocale } from '../ui/locale.ts'
import { cents, moneyText } from '../ui/money.ts'
import { exactText, fieldText } from '../ui/time.ts'
import { api, keys } from './api.ts'
import { sentenceLengthMax } from './node_dialog.tsx'
import { Problem } from './problem.tsx'

interface FaultDialogProps {
  /** Whom it has hit; null: closed. */
  readonly allocation: NodeAllocation | null
  readonly onClose: () => void
}

/** Reports a fault of what somebody was given, and says what that does to them and their bill. */
export function FaultDialog({ allocation, onClose }: FaultDialogProps) {
  const { t } = useTranslation()
  const [shown, setShown] = useState<NodeAllocation | null>(allocation)
  if (allocation !== null && allocation !== shown) setShown(allocation)
  return (
    <Modal
      opened={allocation !== null}
      onClose={onClose}
      centered
      size="lg"
      title={t('fault.title', { name: shown?.name ?? '' })}
      closeButtonProps={{ 'aria-label': t('common.close') }}
    >
      {shown === null ? null : <Report key={shown.allocation} allocation={shown} onClose={onClose} />}
    </Modal>
  )
}

/** The instant in the field, by the clock of whoever types; null: now; undefined: none that can be. */
function beginOf(text: string, { allocatedAt }: NodeAllocation): string | null | undefined {
  if (text === '') return null
  const ms = Date.parse(text)
  // The field has seconds; the allocation began at a millisecond.
  if (Number.isNaN(ms) || ms < Math.floor(Date.parse(allocatedAt) / 1000) * 1000) return undefined
  return new Date(Math.max(ms, Date.parse(allocatedAt))).toISOString()
}

interface Told {
  readonly evidence: string
  readonly at: string | null
  readonly device: string | null
}

/** Reports it, and says what that takes off the bill. */
function useReport(allocation: string, onDone: () => void) {
  const { t } = useTranslation()
  const locale = useLocale()
  const client = useQueryClient()
  return useMutation({
    mutationFn: ({ evidence, at, device }: Told) => {
      const body = { evidence, ...(at === null ? {} : { at }), ...(device === null ? {} : { device }) }
      return api.reportFault({ params: { allocation }, body })
    },
    onSuccess: ({ givenBackNanos, currency }) => {
      void client.invalidateQueries({ queryKey: keys.doctor })
      void client.invalidateQueries({ queryKey: ['node-allocations'] })
      const text = moneyText(BigInt(givenBackNanos), currency, locale, cents)
      notifications.show({ color: 'jade', message: t('fault.done', { amount: text }) })
      onDone()
    },
  })
}

function Report({ allocation, onClose }: { allocation: NodeAllocation; onClose: () => void }) {
  const { t } = useTranslation()
  const locale = useLocale()
  const { devices } = allocation
  const [evidence, setEvidence] = useState('')
  const [began, setBegan] = useState('')
  const [device, setDevice] = useState<string | null>(null)
  const at = beginOf(began, allocation)
  const report = useReport(allocation.allocation, onClose)
  const isSure = evidence.trim() !== '' && at !== undefined
  return (
    <form
      className="stack"
      onSubmit={(event) => {
        event.preventDefault()
        if (isSure) report.mutate({ evidence, at: at ?? null, device })
      }}
    >
      <Text>{t(allocation.releasedAt === null ? 'fault.live' : 'fault.past')}</Text>
      <TextInput
        label={t('fault.evidence')}
        description={t('fault.evidenceHelp')}
        value={evidence}
        onChange={(event) => setEvidence(event.currentTarget.value)}
        maxLength={sentenceLengthMax}
        autoComplete="off"
        data-autofocus
      />
      <TextInput
        type="datetime-local"
        step={1}
        label={t('fault.began')}
        description={t('fault.beganHelp', { at: exactText(Date.parse(allocation.allocatedAt), locale) })}
        min={fieldText(Date.parse(allocation.allocatedAt))}
        value={began}
        onChange={(event) => setBegan(event.currentTarget.value)}
        error={at === undefined ? t('fault.beganWrong') : null}
      />
      {devices.length === 0 ? null : (
        <Select
          label={t('fault.device')}
          description={t('fault.deviceHelp')}
          placeholder={t('fault.noDevice')}
          data={[...devices]}
          value={device}
          onChange={setDevice}
          clearable
        />
      )}
      {report.error ? <Problem error={report.error} /> : null}
      <div className="row" style={{ justifyContent: 'flex-end' }}>
        <Button variant="default" onClick={onClose}>
          {t('common.cancel')}
        </Button>
        <Button type="submit" color="red.9" disabled={!isSure} loading={report.isPending}>
          {t('fault.report')}
        </Button>
      </div>
    </form>
  )
}
