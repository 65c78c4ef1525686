import type { Buyer } from '@gpuhour/sdk/contract'
import { Button, Modal, Skeleton, Text, Textarea, TextInput } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Pairs } from '../ui/pairs.tsx'
import { Panel } from '../ui/panel.tsx'
import { api, keys } from './api.ts'
import { Problem } from './problem.tsx'
import { mayManageMoney, useSession } from './session.ts'
import { Shown } from './shown.tsx'
import { TaxForm } from './tax_form.tsx'

/** Who the invoices are made out to; who pays may change it. */
export function BillingDetails() {
  const { t } = useTranslation()
  const { me, organization } = useSession()
  const [isOpen, setOpen] = useState(false)
  const [isTaxing, setTaxing] = useState(false)
  const query = useQuery({
    queryKey: keys.billingDetails(organization.id),
    queryFn: ({ signal }) => api.getBillingDetails({ params: { organization: organization.id } }, { signal }),
  })
  const edit =
    mayManageMoney(organization) && !isOpen ? (
      <Button size="xs" variant="default" onClick={() => setOpen(true)}>
        {t('invoices.change')}
      </Button>
    ) : null
  return (
    <Panel title={t('invoices.details')} aside={edit}>
      <Shown query={query} skeleton={<Skeleton height={90} aria-hidden />}>
        {({ buyer, tax }) =>
          isOpen ? (
            <BuyerForm buyer={buyer} onDone={() => setOpen(false)} />
          ) : (
            <Pairs
              items={[
                [t('invoices.legalName'), buyer.legalName],
                [
                  t('invoices.address'),
                  <span key="address" style={{ whiteSpace: 'pre-line' }}>
                    {buyer.address || t('invoices.notSaid')}
                  </span>,
                ],
                [t('invoices.taxId'), buyer.taxId ?? t('invoices.notSaid')],
                [t('invoices.reference'), buyer.reference ?? t('invoices.notSaid')],
                [
                  t('invoices.tax'),
                  <span key="tax" className="row">
                    {tax === null ? t('invoices.noTax') : `${tax.name} ${tax.basisPoints / 100} %`}
                    {me.person.isOperator ? (
                      <Button size="compact-xs" variant="default" onClick={() => setTaxing(true)}>
                        {t('invoices.setTax')}
                      </Button>
                    ) : null}
                  </span>,
                ],
              ]}
            />
          )
        }
      </Shown>
      <Modal
        opened={isTaxing}
        onClose={() => setTaxing(false)}
        centered
        title={t('invoices.setTax')}
        closeButtonProps={{ 'aria-label': t('common.close') }}
      >
        {isTaxing && query.data ? <TaxForm tax={query.data.tax} onDone={() => setTaxing(false)} /> : null}
      </Modal>
    </Panel>
  )
}

function BuyerForm({ buyer, onDone }: { buyer: Buyer; onDone: () => void }) {
  const { t } = useTranslation()
  const { organization } = useSession()
  const client = useQueryClient()
  const [asked, setAsked] = useState(buyer)
  const change = useMutation({
    mutationFn: () => api.setBillingDetails({ params: { organization: organization.id }, body: asked }),
    onSuccess: (details) => {
      client.setQueryData(keys.billingDetails(organization.id), details)
      onDone()
    },
  })
  return (
    <form
      className="stack"
      onSubmit={(event) => {
        event.preventDefault()
        change.mutate()
      }}
    >
      <TextInput
        label={t('invoices.legalName')}
        value={asked.legalName}
        onChange={(event) => setAsked({ ...asked, legalName: event.currentTarget.value })}
        maxLength={160}
        autoComplete="organization"
        required
      />
      <Textarea
        label={t('invoices.address')}
        value={asked.address}
        onChange={(event) => setAsked({ ...asked, address: event.currentTarget.value })}
        autosize
        minRows={3}
        maxLength={600}
        autoComplete="street-address"
      />
      <TextInput
        label={t('invoices.taxId')}
        value={asked.taxId ?? ''}
        onChange={(event) => setAsked({ ...asked, taxId: event.currentTarget.value || null })}
        maxLength={80}
        autoComplete="off"
      />
      <TextInput
        label={t('invoices.reference')}
        description={t('invoices.referenceHelp')}
        value={asked.reference ?? ''}
        onChange={(event) => setAsked({ ...asked, reference: event.currentTarget.value || null })}
        maxLength={80}
        autoComplete="off"
      />
      <Text size="sm" c="dimmed">
        {t('invoices.detailsHelp')}
      </Text>
      {change.error ? <Problem error={change.error} /> : null}
      <div className="row" style={{ justifyContent: 'flex-end' }}>
        <Button variant="default" onClick={onDone}>
          {t('common.cancel')}
        </Button>
        <Button type="submit" disabled={asked.legalName.trim() === ''} loading={change.isPending}>
          {t('invoices.save')}
        </Button>
      </div>
    </form>
  )
}
