import { makeId } from '@gpuhour/sdk/client'
import type { Invoice } from '@gpuhour/sdk/contract'
import { Button, Modal, Select, Text, Textarea, TextInput } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useLocale } from '../ui/locale.ts'
import { cents, moneyText, nanosOf } from '../ui/money.ts'
import { api } from './api.ts'
import { Problem } from './problem.tsx'

interface CreditNoteDialogProps {
  readonly invoice: Invoice
  readonly isOpen: boolean
  readonly onClose: () => void
}

/** Gives back an amount of an invoice. */
export function CreditNoteDialog({ invoice, isOpen, onClose }: CreditNoteDialogProps) {
  const { t } = useTranslation()
  return (
    <Modal
      opened={isOpen}
      onClose={onClose}
      centered
      title={t('invoices.giveBackTitle', { number: invoice.number ?? '' })}
      closeButtonProps={{ 'aria-label': t('common.close') }}
    >
      {isOpen ? <CreditNoteForm invoice={invoice} onClose={onClose} /> : null}
    </Modal>
  )
}

/** A cent, in nanos: what an invoice is counted in. */
const centNanos = 10_000_000n

/** The lines of which something can be given back, as one picks them. */
function useLineNames({ lines, currency }: Invoice): { value: string; label: string }[] {
  const { t } = useTranslation()
  const locale = useLocale()
  return lines
    .filter(({ amountNanos }) => BigInt(amountNanos) > 0n)
    .map(({ position, kind, sku, projectName, amountNanos }) => {
      const text = moneyText(BigInt(amountNanos), currency, locale, cents)
      const label = [projectName, t(`invoices.kind.${kind}`), sku, text].join(' · ')
      return { value: String(position), label }
    })
}

interface Giving {
  readonly line: string
  readonly amountNanos: bigint
  readonly reason: string
}

function useGiving({ id: invoice, currency }: Invoice, onDone: () => void) {
  const { t } = useTranslation()
  const locale = useLocale()
  const client = useQueryClient()
  // One id for one intention: sent again after a lost answer, it gives back once.
  const [id] = useState(() => makeId('creditNote'))
  return useMutation({
    mutationFn: ({ line, amountNanos, reason }: Giving) => {
      const asked = { line: line === '' ? null : Number(line), amountNanos: String(amountNanos) }
      return api.createCreditNote({ params: { invoice }, body: { id, reason, lines: [asked] } })
    },
    onSuccess: ({ number, totalNanos }) => {
      for (const queryKey of [['invoice'], ['invoices'], ['balance'], ['statement']])
        void client.invalidateQueries({ queryKey })
      const text = moneyText(BigInt(totalNanos), currency, locale, cents)
      notifications.show({ color: 'jade', message: t('invoices.gaveBack', { number, amount: text }) })
      onDone()
    },
  })
}

function CreditNoteForm({ invoice, onClose }: Omit<CreditNoteDialogProps, 'isOpen'>) {
  const { t } = useTranslation()
  const { currency } = invoice
  const [amount, setAmount] = useState('')
  const [line, setLine] = useState('')
  const [reason, setReason] = useState('')
  const nanos = nanosOf(amount)
  const isAmount = nanos !== null && nanos > 0n && nanos % centNanos === 0n
  const give = useGiving(invoice, onClose)
  const lineNames = useLineNames(invoice)
  return (
    <form
      className="stack"
      onSubmit={(event) => {
        event.preventDefault()
        if (isAmount && reason.trim() !== '') give.mutate({ line, amountNanos: nanos, reason: reason.trim() })
      }}
    >
      <Select
        label={t('invoices.ofLine')}
        value={line}
        onChange={(value) => setLine(value ?? '')}
        data={[{ value: '', label: t('invoices.whole') }, ...lineNames]}
        allowDeselect={false}
      />
      <TextInput
        label={t('invoices.amountBack', { currency })}
        value={amount}
        onChange={(event) => setAmount(event.currentTarget.value)}
        inputMode="decimal"
        error={amount === '' || isAmount ? null : t('operator.amountWrong')}
        autoComplete="off"
        data-autofocus
      />
      <Textarea
        label={t('invoices.reason')}
        description={t('invoices.reasonHelp')}
        value={reason}
        onChange={(event) => setReason(event.currentTarget.value)}
        autosize
        minRows={2}
        maxLength={600}
      />
      <Text size="sm" c="dimmed">
        {t('invoices.giveBackHelp')}
      </Text>
      {give.error ? <Problem error={give.error} /> : null}
      <div className="row" style={{ justifyContent: 'flex-end' }}>
        <Button variant="default" onClick={onClose}>
          {t('common.cancel')}
        </Button>
        <Button type="submit" disabled={!isAmount || reason.trim() === ''} loading={give.isPending}>
          {t('invoices.giveBack')}
        </Button>
      </div>
    </form>
  )
}
