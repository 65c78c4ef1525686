import { makeId } from '@gpuhour/sdk/client'
import type { Balance } from '@gpuhour/sdk/contract'
import { Button, NumberInput, Select, Text, TextInput } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useLocale } from '../ui/locale.ts'
import { cents, moneyText, nanosOf } from '../ui/money.ts'
import { api } from './api.ts'
import { endOfDay } from './credits.ts'
import { Problem } from './problem.tsx'
import { useList } from './queries.ts'
import { useSession } from './session.ts'

/** On what terms money is given; `expires` is a day, or empty. */
interface Terms {
  readonly kind: 'promo' | 'paid'
  readonly expires: string
  readonly priority: number
}

const plain: Terms = { kind: 'promo', expires: '', priority: 100 }

function asked({ kind, expires, priority }: Terms) {
  const expiresAt = endOfDay(expires)
  return { kind, priority, ...(expiresAt === null ? {} : { expiresAt }) }
}

function TermsFields({ terms, onChange }: { terms: Terms; onChange: (terms: Terms) => void }) {
  const { t } = useTranslation()
  return (
    <>
      <Select
        label={t('operator.grantKind')}
        value={terms.kind}
        onChange={(value) => onChange({ ...terms, kind: value === 'paid' ? 'paid' : 'promo' })}
        data={[
          { value: 'promo', label: t('operator.grantPromo') },
          { value: 'paid', label: t('operator.grantPaid') },
        ]}
        allowDeselect={false}
      />
      <TextInput
        type="date"
        label={t('operator.grantExpires')}
        description={t('operator.grantExpiresHint')}
        value={terms.expires}
        onChange={(event) => onChange({ ...terms, expires: event.currentTarget.value })}
      />
      <NumberInput
        label={t('operator.grantPriority')}
        description={t('operator.grantPriorityHint')}
        value={terms.priority}
        onChange={(value) => onChange({ ...terms, priority: typeof value === 'number' ? value : 100 })}
        min={0}
        max={1000}
        allowDecimal={false}
      />
    </>
  )
}

/** Sends a grant under one id until it was given, or `renew` says that it is another one. */
function useGrant(organization: string, currency: Balance['currency'], onGiven: () => void) {
  const { t } = useTranslation()
  const locale = useLocale()
  const client = useQueryClient()
  const [id, setId] = useState(() => makeId('transfer'))
  const renew = () => setId(makeId('transfer'))
  const grant = useMutation({
    mutationFn: ({ nanos, terms }: { nanos: bigint; terms: Terms }) =>
      api.createGrant({
        params: { organization },
        body: { id, amountNanos: String(nanos), currency, ...asked(terms) },
      }),
    onSuccess: (given) => {
      renew()
      onGiven()
      for (const stale of ['balance', 'statement', 'lots'])
        void client.invalidateQueries({ queryKey: [stale] })
      const text = moneyText(BigInt(given.amountNanos), given.currency, locale, cents)
      notifications.show({ color: 'jade', message: t('operator.given', { amount: text }) })
    },
  })
  return { grant, renew }
}

/** Gives an organization money. Sent again after a lost answer, it gives once: the request has an id. */
export function GrantForm() {
  const { t } = useTranslation()
  const locale = useLocale()
  const session = useSession()
  const { data: organizations = session.me.organizations } = useList(['organizations'], (query, signal) =>
    api.listOrganizations({ query }, { signal }),
  )
  const [organization, setOrganization] = useState(session.organization.id)
  const [amount, setAmount] = useState('')
  const [terms, setTerms] = useState<Terms>(plain)
  const nanos = nanosOf(amount)
  const { currency } = organizations.find((one) => one.id === organization) ?? session.organization
  const { grant, renew } = useGrant(organization, currency, () => {
    setAmount('')
    setTerms(plain)
  })
  return (
    <form
      className="stack"
      onSubmit={(event) => {
        event.preventDefault()
        if (nanos !== null && nanos > 0n) grant.mutate({ nanos, terms })
      }}
    >
      <Select
        label={t('operator.organization')}
        value={organization}
        onChange={(value) => {
          if (value === null) return
          setOrganization(value)
          renew()
        }}
        data={organizations.map((one) => ({ value: one.id, label: one.name }))}
        allowDeselect={false}
      />
      <TextInput
        label={t('operator.amount', { currency })}
        value={amount}
        onChange={(event) => {
          setAmount(event.currentTarget.value)
          renew()
        }}
        inputMode="decimal"
        error={amount === '' || (nanos !== null && nanos > 0n) ? null : t('operator.amountWrong')}
        autoComplete="off"
      />
      <TermsFields
        terms={terms}
        onChange={(changed) => {
          setTerms(changed)
          renew()
        }}
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
