import type { Seller } from '@gpuhour/sdk/contract'
import { Button, Skeleton, Text, Textarea, TextInput } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { api, keys } from './api.ts'
import { Problem } from './problem.tsx'
import { Shown } from './shown.tsx'

const nobody: Seller = { legalName: '', address: '', taxId: null, bank: null, contact: null, terms: null }

/** Who issues invoices: what stands on those that are finalised from now on. */
export function SellerForm() {
  const query = useQuery({
    queryKey: keys.seller,
    queryFn: ({ signal }) => api.getSeller({}, { signal }),
  })
  return (
    <Shown query={query} skeleton={<Skeleton height={280} aria-hidden />}>
      {({ seller }) => <SellerFields seller={seller ?? nobody} isSet={seller !== null} />}
    </Shown>
  )
}

function SellerFields({ seller, isSet }: { seller: Seller; isSet: boolean }) {
  const { t } = useTranslation()
  const client = useQueryClient()
  const [asked, setAsked] = useState(seller)
  const change = useMutation({
    mutationFn: () => api.setSeller({ body: asked }),
    onSuccess: (reply) => {
      client.setQueryData(keys.seller, reply)
      notifications.show({ color: 'jade', message: t('invoices.sellerSaved') })
    },
  })
  const lines = (name: 'address' | 'bank' | 'contact' | 'terms') => (
    <Textarea
      label={t(`invoices.${name}`)}
      value={asked[name] ?? ''}
      onChange={(event) => setAsked({ ...asked, [name]: event.currentTarget.value || null })}
      autosize
      minRows={name === 'address' ? 3 : 1}
      maxLength={600}
    />
  )
  const isSure = asked.legalName.trim() !== '' && (asked.address ?? '').trim() !== ''
  return (
    <form
      className="stack"
      onSubmit={(event) => {
        event.preventDefault()
        if (isSure) change.mutate()
      }}
    >
      <Text size="sm" c="dimmed">
        {t(isSet ? 'invoices.sellerHelp' : 'invoices.sellerMissing')}
      </Text>
      <TextInput
        label={t('invoices.legalName')}
        value={asked.legalName}
        onChange={(event) => setAsked({ ...asked, legalName: event.currentTarget.value })}
        maxLength={160}
        autoComplete="off"
      />
      {lines('address')}
      <TextInput
        label={t('invoices.taxId')}
        value={asked.taxId ?? ''}
        onChange={(event) => setAsked({ ...asked, taxId: event.currentTarget.value || null })}
        maxLength={80}
        autoComplete="off"
      />
      {lines('bank')}
      {lines('contact')}
      {lines('terms')}
      {change.error ? <Problem error={change.error} /> : null}
      <Button type="submit" disabled={!isSure} loading={change.isPending}>
        {t('invoices.save')}
      </Button>
    </form>
  )
}
