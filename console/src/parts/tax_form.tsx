import type { BillingDetails } from '@gpuhour/sdk/contract'
import { Button, Text, TextInput } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { api, keys } from './api.ts'
import { Problem } from './problem.tsx'
import { useSession } from './session.ts'

/** A percentage with at most two decimals, as hundredths; null: none. */
function basisPointsOf(text: string): number | null {
  const points = Math.round(Number(text) * 100)
  return /^\d{1,3}(?:\.\d{1,2})?$/.test(text.trim()) && points <= 10_000 ? points : null
}

function useTaxing(onDone: () => void) {
  const { organization } = useSession()
  const client = useQueryClient()
  return useMutation({
    mutationFn: (tax: BillingDetails['tax']) =>
      api.setTax({ params: { organization: organization.id }, body: { tax } }),
    onSuccess: (details) => {
      client.setQueryData(keys.billingDetails(organization.id), details)
      onDone()
    },
  })
}

/** What tax the organization's next invoices bear: an operator's to say. Without a name there is none. */
export function TaxForm({ tax, onDone }: { tax: BillingDetails['tax']; onDone: () => void }) {
  const { t } = useTranslation()
  const [name, setName] = useState(tax?.name ?? '')
  const [percent, setPercent] = useState(tax === null ? '' : String(tax.basisPoints / 100))
  const [note, setNote] = useState(tax?.note ?? '')
  const basisPoints = basisPointsOf(percent)
  const isNone = name.trim() === ''
  const change = useTaxing(onDone)
  return (
    <form
      className="stack"
      onSubmit={(event) => {
        event.preventDefault()
        const words = note.trim() === '' ? null : note.trim()
        if (isNone) change.mutate(null)
        else if (basisPoints !== null) change.mutate({ name: name.trim(), basisPoints, note: words })
      }}
    >
      <TextInput
        label={t('invoices.taxName')}
        description={t('invoices.taxNameHelp')}
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
        maxLength={40}
        autoComplete="off"
      />
      <TextInput
        label={t('invoices.percent')}
        value={percent}
        onChange={(event) => setPercent(event.currentTarget.value)}
        inputMode="decimal"
        disabled={isNone}
        error={isNone || percent === '' || basisPoints !== null ? null : t('invoices.percentWrong')}
        autoComplete="off"
      />
      <TextInput
        label={t('invoices.taxNote')}
        value={note}
        onChange={(event) => setNote(event.currentTarget.value)}
        disabled={isNone}
        maxLength={80}
        autoComplete="off"
      />
      <Text size="sm" c="dimmed">
        {t('invoices.taxHelp')}
      </Text>
      {change.error ? <Problem error={change.error} /> : null}
      <div className="row" style={{ justifyContent: 'flex-end' }}>
        <Button variant="default" onClick={onDone}>
          {t('common.cancel')}
        </Button>
        <Button type="submit" disabled={!isNone && basisPoints === null} loading={change.isPending}>
          {t('invoices.save')}
        </Button>
      </div>
    </form>
  )
}
