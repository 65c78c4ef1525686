import { makeId } from '@gpuhour/sdk/client'
import type { Payment } from '@gpuhour/sdk/contract'
import { Button, Modal, Text, TextInput } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useLocale } from '../ui/locale.ts'
import { cents, decimalOf, moneyText, nanosOf } from '../ui/money.ts'
import { api, keys } from './api.ts'
import { Problem } from './problem.tsx'
import { amountFault } from './top_up.ts'

/** A button by which an operator sends a payment back, in part or whole. */
export function Refund({ payment }: { payment: Payment }) {
  const { t } = useTranslation()
  const [isOpen, setOpen] = useState(false)
  if (payment.refundableNanos === '0') return null
  return (
    <>
      <Button variant="default" onClick={() => setOpen(true)}>
        {t('refund.open')}
      </Button>
      <Modal
        opened={isOpen}
        onClose={() => setOpen(false)}
        centered
        title={t('refund.open')}
        closeButtonProps={{ 'aria-label': t('common.close') }}
      >
        {isOpen ? <RefundForm payment={payment} onClose={() => setOpen(false)} /> : null}
      </Modal>
    </>
  )
}

/** The least that can be sent back: a cent. */
const leastNanos = '10000000'

function RefundForm({ payment, onClose }: { payment: Payment; onClose: () => void }) {
  const { t } = useTranslation()
  const locale = useLocale()
  const client = useQueryClient()
  const { currency, refundableNanos } = payment
  const [typed, setTyped] = useState(() => decimalOf(BigInt(refundableNanos)).replace(/0{7}$/, ''))
  const [id, setId] = useState(() => makeId('refund'))
  const nanos = nanosOf(typed)
  const fault = amountFault(nanos, { minNanos: leastNanos, maxNanos: refundableNanos })
  const most = moneyText(BigInt(refundableNanos), currency, locale, cents)
  const change = useMutation({
    mutationFn: (amount: bigint) =>
      api.refundPayment({ params: { payment: payment.id }, body: { id, amountNanos: String(amount) } }),
    onSuccess: (after) => {
      client.setQueryData(keys.payment(payment.id), after)
      void client.invalidateQueries({ queryKey: ['balance'] })
      void client.invalidateQueries({ queryKey: ['payments'] })
      onClose()
    },
  })
  return (
    <form
      className="stack"
      onSubmit={(event) => {
        event.preventDefault()
        if (nanos !== null && fault === null) change.mutate(nanos)
      }}
    >
      <Text>{t('refund.text')}</Text>
      <TextInput
        label={t('operator.amount', { currency })}
        description={t('refund.most', { most })}
        value={typed}
        onChange={(event) => {
          setTyped(event.currentTarget.value)
          setId(makeId('refund'))
        }}
        inputMode="decimal"
        error={typed === '' || fault === null ? null : t('refund.wrong', { most })}
        autoComplete="off"
        data-autofocus
      />
      {change.error ? <Problem error={change.error} /> : null}
      <div className="row" style={{ justifyContent: 'flex-end' }}>
        <Button variant="default" onClick={onClose}>
          {t('common.cancel')}
        </Button>
        <Button type="submit" color="red.9" disabled={fault !== null} loading={change.isPending}>
          {nanos === null || fault !== null
            ? t('refund.sure')
            : t('refund.sureAmount', { amount: moneyText(nanos, currency, locale, cents) })}
        </Button>
      </div>
    </form>
  )
}
