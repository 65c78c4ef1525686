import { makeId } from '@gpuhour/sdk/client'
import { Button, Select, Text, TextInput } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useLocale } from '../ui/locale.ts'
import { cents, moneyText, nanosOf } from '../ui/money.ts'
import { api } from './api.ts'
import { Problem } from './problem.tsx'
import { useList } from './queries.ts'
import { useSession } from './session.ts'

/** Gives an organization money. Sent again after a lost answer, it gives once: the request has an id. */
export function GrantForm() {
  const { t } = useTranslation()
  const locale = useLocale()
  const client = useQueryClient()
  const session = useSession()
  const { data: organizations = session.me.organizations } = useList(['organizations'], (query, signal) =>
    api.listOrganizations({ query }, { signal }),
  )
  const [organization, setOrganization] = useState(session.organization.id)
  const [amount, setAmount] = useState('')
  const [id, setId] = useState(() => makeId('transfer'))
  const nanos = nanosOf(amount)
  const currency =
    organizations.find((one) => one.id === organization)?.currency ?? session.organization.currency
  const grant = useMutation({
    mutationFn: (amountNanos: bigint) =>
      api.createGrant({ params: { organization }, body: { id, amountNanos: String(amountNanos), currency } }),
    onSuccess: (given) => {
      setId(makeId('transfer'))
      setAmount('')
      void client.invalidateQueries({ queryKey: ['balance'] })
      void client.invalidateQueries({ queryKey: ['statement'] })
      const text = moneyText(BigInt(given.amountNanos), given.currency, locale, cents)
      notifications.show({ color: 'jade', message: t('operator.given', { amount: text }) })
    },
  })
  return (
    <form
      className="stack"
      onSubmit={(event) => {
        event.preventDefault()
        if (nanos !== null && nanos > 0n) grant.mutate(nanos)
      }}
    >
      <Select
        label={t('operator.organization')}
        value={organization}
        onChange={(value) => {
          if (value === null) return
          setOrganization(value)
          setId(makeId('transfer'))
        }}
        data={organizations.map((one) => ({ value: one.id, label: one.name }))}
        allowDeselect={false}
      />
      <TextInput
        label={t('operator.amount', { currency })}
        value={amount}
        onChange={(event) => {
          setAmount(event.currentTarget.value)
          setId(makeId('transfer'))
        }}
        inputMode="decimal"
        error={amount === '' || (nanos !== null && nanos > 0n) ? null : t('operator.amountWrong')}
        autoComplete="off"
      />
      {grant.error ? <Problem error={grant.error} /> : null}
      <Button type="submit" disabled={nanos === null || nanos <= 0n} loading={grant.isPending}>
        {nanos !== null && nanos > 0n
          ? t('operator.give', { amount: moneyText(nanos, currency, locale, cents) })
          : t('operator.grant')}
      </Button>
      <Text size="sm" c="dimmed">
        {t('operator.grantHelp')}
      </Text>
    </form>
  )
}
